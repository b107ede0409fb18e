// Package mappings says how a movie lies in the search engine: the index body
// (settings, analysis, field mappings) as embedded JSON, the Document that is
// sent, and the version of both.
//
// Two promises. A Document's JSON has the public names of a movie and nothing
// else: everything search needs besides (folded, joined, prefixed, stemmed
// forms) the engine derives by multi-fields and copy_to, so that _source is
// what people may read. And the two move together: a change of the mapping that
// an existing index cannot take raises Version, and a test fails when a field
// of the Document is not mapped.
//
// Every field pays in time and in bytes for each of millions of documents, so a
// text is indexed once for each way it is asked for and no more: the titles and
// the people only together (titles, names; what is searched apart by nobody, such
// as akas, is stored for highlighting alone), and beginnings up to a length, to
// which the question's are cut.
//
// The mapping is dynamic:false rather than strict. While a rebuild runs and
// until it is finalised, one indexer feeds indices of two versions; an older
// index must take documents with fields it does not know (they stay in _source,
// unindexed), or a rollback would find it starved.
package mappings

import "movies/internal/movie"

// Document is what is stored and indexed for a movie. Its engine id is the
// movie's id in decimal and its external version the movie.Version of the event.
type Document struct {
	movie.Movie
}

// Project makes the document of a movie. It keeps every public field as it is.
func Project(m movie.Movie) Document { return Document{Movie: m} }
