// Package stackpom holds the Maven coordinates of the local stack's servers for
// the commands that boot it. The versions live in pom.xml and nowhere else.
package stackpom

import _ "embed"

// POM is the content of pom.xml.
//
//go:embed pom.xml
var POM []byte
