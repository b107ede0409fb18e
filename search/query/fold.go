package query

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Words splits text the way the index's "words" analysis does, so that what the
// service compares itself agrees with what the engine matched: without case,
// diacritics and punctuation, initials and apostrophes closed up, numbers in
// digits. Only scripts without spaces stay whole here and are cut into pairs there.
// A test holds the two together.
func Words(s string) []string {
	words := Spelled(s)
	for i, w := range words {
		if digits, ok := numerals[w]; ok {
			words[i] = digits
		}
	}
	return words
}

// Spelled is Words with numbers as they are written: a word that is still being
// typed is none yet, and the index's beginnings of words know "seven", not 7.
func Spelled(s string) []string {
	if plain(s) {
		return plainWords(s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r >= 0xFF00 }) {
		s = width.Fold.String(s)
	}
	s = symbols.Replace(norm.NFC.String(s))
	if strings.ContainsAny(s, ".*·•") {
		s = closeInitials(s)
	}
	if strings.Contains(s, "'") {
		s = strings.ReplaceAll(elision.ReplaceAllString(s, "$1$2 "), "'", "")
	}
	if strings.ContainsAny(s, ",.") {
		s = closeThousands(s)
	}
	var out []string
	for _, run := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.M) }) {
		out = append(out, fold(run))
	}
	return out
}

// plain tells whether s is nothing but ASCII letters, digits, spaces and the
// punctuation that only separates, as most titles and names are.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ' ', c == '-', c == ':', c == '!', c == '?', c == '(', c == ')', c == '/':
		default:
			return false
		}
	}
	return true
}

func plainWords(s string) []string {
	lower := strings.ToLower(s) // itself if it is in lower case already
	out := make([]string, 0, strings.Count(s, " ")+2)
	start := -1
	for i := range len(lower) {
		c := lower[i]
		switch inWord := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'; {
		case inWord && start < 0:
			start = i
		case !inWord && start >= 0:
			out = append(out, lower[start:i])
			start = -1
		}
	}
	if start >= 0 {
		out = append(out, lower[start:])
	}
	return out
}

// Fold is the words of s with one space between them: equal for titles that
// differ only in what nobody types.
func Fold(s string) string { return strings.Join(Words(s), " ") }

// Glue is the words of s without anything between them: "Spider-Man" and
// "spiderman" are the same. Numbers stay as they are written, as in the index.
func Glue(s string) string { return strings.Join(Spelled(s), "") }

// symbols are replaced as the index's char filter does.
var symbols = strings.NewReplacer(
	"’", "'", "‘", "'", "ʼ", "'", "ʹ", "'", "`", "'", "´", "'", "&", " and ",
	"½", " 1/2 ", "¼", " 1/4 ", "¾", " 3/4 ", "¹", " 1", "²", " 2", "³", " 3", "π", "pi",
	"ё", "е", "Ё", "Е", "й", "и", "Й", "И", "ґ", "г", "Ґ", "Г",
)

// letters that Unicode does not decompose and the engine's ASCII folding does.
var letters = strings.NewReplacer(
	"ß", "ss", "ẞ", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ħ", "h", "ŋ", "n", "ĸ", "q", "ŧ", "t", "ſ", "s", "ς", "σ",
	"ة", "ه", "ى", "ي", "أ", "ا", "إ", "ا", "آ", "ا", "ـ", "",
)

var elision = regexp.MustCompile(`(?i)(^|[^\pL\pN])(l|d|qu|dell|all|nell|sull|dall|un)'`)

// closeInitials makes "S.W.A.T." and "M*A*S*H" one word.
func closeInitials(s string) string {
	runes := []rune(s)
	word := func(i int) bool { return i >= 0 && i < len(runes) && unicode.In(runes[i], unicode.L, unicode.N) }
	single := func(i int) bool {
		return i >= 0 && i < len(runes) && unicode.IsLetter(runes[i]) && !word(i-1) && !word(i+1)
	}
	out := make([]rune, 0, len(runes))
	for i, r := range runes {
		if strings.ContainsRune(".*·•", r) && single(i-1) && single(i+1) {
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// closeThousands writes "2,000" as "2000".
func closeThousands(s string) string {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	var b strings.Builder
	for i := range len(s) {
		if (s[i] == ',' || s[i] == '.') && digit(i-1) && digit(i+1) && digit(i+2) && digit(i+3) && !digit(i+4) {
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// fold lowers a run of letters, takes marks off Latin, Greek, Cyrillic and Arabic,
// and writes the digits of all scripts as ours.
func fold(s string) string {
	s = letters.Replace(strings.ToLower(s))
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r >= 0x0300 && r <= 0x036f, r >= 0x064b && r <= 0x0652:
		case r > unicode.MaxASCII && unicode.Is(unicode.Nd, r):
			b.WriteRune(digit(r))
		default:
			b.WriteRune(r)
		}
	}
	return letters.Replace(norm.NFC.String(b.String()))
}

// digit is the ASCII digit that a digit of another script stands for: those of a
// script are ten in a row.
func digit(r rune) rune {
	n := rune('0')
	for unicode.Is(unicode.Nd, r-1) && n < '9' {
		r, n = r-1, n+1
	}
	return n
}
