package mappings

// OldestVersion is the oldest mapping into which a Document of today can still
// be put, and which can still be asked. Raise it when that ends, not before every
// index of that version is retired.
const OldestVersion = 1

// Understands tells whether an index of this mapping version can be fed and
// asked by this release. An index of a newer version is another release's.
func Understands(version int) bool { return OldestVersion <= version && version <= Version }
