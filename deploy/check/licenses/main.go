// Command licenses turns the bill of materials (CycloneDX JSON, standard input)
// into the list of modules and their licences that is committed as
// deploy/licenses.csv. See the targets sbom and licenses of the Makefile.
package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// readByHand are the licences, by the beginning of the module's path, that the
// detector does not recognise, or takes for another.
var readByHand = map[string]string{
	"github.com/pressly/goose/v3": "MIT", // several copyright notices in one file
	"golang.org/x/":               "BSD-3-Clause",
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// component is the part of a component of the bill of materials that is used.
type component struct {
	Name     string
	Evidence struct {
		Licenses []struct{ License struct{ ID string } }
	}
}

func run(in io.Reader, out io.Writer) error {
	var bill struct{ Components []component }
	if err := json.NewDecoder(in).Decode(&bill); err != nil {
		return err
	}
	if len(bill.Components) == 0 {
		return fmt.Errorf("the bill of materials has no components")
	}
	rows := [][]string{}
	for _, c := range bill.Components {
		licence := ""
		for prefix, read := range readByHand {
			if strings.HasPrefix(c.Name, prefix) {
				licence = read
			}
		}
		if licence == "" {
			ids := []string{}
			for _, l := range c.Evidence.Licenses {
				ids = append(ids, l.License.ID)
			}
			slices.Sort(ids)
			licence = strings.Join(slices.Compact(ids), " and ")
		}
		if licence == "" {
			return fmt.Errorf("%s: no licence was recognised; read it, and add it to readByHand", c.Name)
		}
		rows = append(rows, []string{c.Name, licence})
	}
	slices.SortFunc(rows, slices.Compare)
	w := csv.NewWriter(out)
	_ = w.Write([]string{"module", "licence"}) // kept until the flush
	return w.WriteAll(slices.CompactFunc(rows, slices.Equal))
}
