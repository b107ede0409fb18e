package query

import "strings"

// numerals are written in digits, in queries and in the index alike.
var numerals = map[string]string{
	"one": "1", "two": "2", "ii": "2", "three": "3", "iii": "3", "four": "4", "iv": "4", "five": "5", "six": "6", "vi": "6",
	"seven": "7", "vii": "7", "eight": "8", "viii": "8", "nine": "9", "ix": "9", "ten": "10", "eleven": "11", "xi": "11",
	"twelve": "12", "xii": "12", "thirteen": "13", "xiii": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20", "hundred": "100",
	"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th", "twelfth": "12th", "thirteenth": "13th",
	"versus": "vs", "doctor": "dr", "mister": "mr", "saint": "st", "pt": "part", "vol": "volume", "chap": "chapter",
}

// stops carry no meaning alone; they need not match.
var stops = set(`the a an of and in on to for with from by at as is or be this that
	le la les de du el`)

// noise is what people add for a web search engine rather than for a catalogue:
// what a film is, where to see it, in which quality, what is said about it. It
// need not match, but when it does it counts: it may be part of a title. Longer
// expressions come before their parts.
var noise = expressions(`
	movie; movies; film; films; movis; moves; cinema; flick; flicks; picture; feature film;
	full movie; full movies; full film; full; complete; part full;
	series; tv series; tv show; tv; show; season; seasons; episode; episodes; cartoon; animated movie; anime movie;
	imdb; netflix; hulu; hbo; hbo max; amazon prime; amazon; prime video; disney plus; disney +; apple tv; paramount plus; peacock;
	youtube; google; google drive; drive; reddit; twitter; tumblr; instagram; facebook; wiki; wikipedia; fandom; quora; letterboxd; tmdb; blockbuster;
	rotten tomatoes; rotten; tomatoes; metacritic; 123movies; 123 movies; putlocker; putlockers; fmovies; gomovies; yify; yts; dailymotion; redbox; fandango; itunes; vudu; tubi; crunchyroll; torrent; archive;
	watch; watch online; online; online free; free; stream; streaming; download; downloads; hd; full hd; 720p; 1080p; 480p; 4k; uhd; 3d; imax; bluray; blu ray; blu; dvd; dvdrip; mp4; vhs;
	hindi dubbed; in hindi; in english; in tamil; in telugu; in urdu; in spanish; in french; hindi; telugu; tamil; dubbed; dub; subtitles; subtitle; english subtitles; english subtitle; eng sub; sub; with english subtitles; english; subbed;
	trailer; trailers; teaser; review; reviews; rating; ratings; score; cast; actors; cast and crew; characters; release date; release; released; date; plot; summary; synopsis; ending; ending explained; explained; meaning; quotes; scene; scenes; post credits; clip; clips; soundtrack; ost; song; songs; theme song; wallpaper; wallpapers; poster; posters; images; pictures; logo; meme; memes; gif; budget; box office; director; spoilers; runtime; age rating; parents guide; tickets; showtimes; near me; where to watch; how to watch; when is; release dates;
	funko pop; funko; pop; toy; toys; figure; action figure; figures; lego set; merch; costume; t shirt; shirt; neca; hot toys; book; books; novel; comic; comics; manga; audiobook;
	game; games; video game; xbox; xbox one; xbox 360; ps2; ps3; ps4; ps5; psp; pc; switch; nintendo; nintendo switch; wii; gamecube; steam; gameplay; walkthrough; playstation;
	hollywood; bollywood; original; official; new; latest; upcoming; best; top; top 10; good; great; list; list of; like; about; similar to; movies like; recommendation; recommendations; collection; trilogy; remake; sequel; prequel; all;
`)

// genres are words that mean one, in the spelling most catalogues use. They stay
// words: a film called "Comedy" is found as well.
var genres = map[string]string{
	"action": "action", "adventure": "adventure", "adventures": "adventure", "animation": "animation", "animated": "animation", "anime": "animation",
	"biography": "biography", "biopic": "biography", "comedy": "comedy", "comedies": "comedy", "funny": "comedy",
	"crime": "crime", "documentary": "documentary", "documentaries": "documentary", "docu": "documentary", "drama": "drama", "dramas": "drama",
	"family": "family", "kids": "family", "fantasy": "fantasy", "history": "history", "historical": "history", "horror": "horror", "scary": "horror",
	"music": "music", "musical": "musical", "musicals": "musical", "mystery": "mystery", "mysteries": "mystery", "romance": "romance", "romantic": "romance",
	"rom com": "romance comedy", "romcom": "romance comedy", "sci fi": "science fiction", "scifi": "science fiction", "science fiction": "science fiction",
	"sport": "sport", "sports": "sport", "thriller": "thriller", "thrillers": "thriller", "war": "war", "western": "western", "westerns": "western", "noir": "film noir", "film noir": "film noir",
}

// longest is how many words an expression of the lexicon can have.
const longest = 4

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

func expressions(list string) map[string]bool {
	out := map[string]bool{}
	for _, e := range strings.Split(list, ";") {
		if e = Fold(e); e != "" {
			out[e] = true
		}
	}
	return out
}

// IsStop tells whether a folded word carries no meaning alone.
func IsStop(word string) bool { return stops[word] }
