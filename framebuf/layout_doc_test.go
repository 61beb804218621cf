package framebuf

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"math/bits"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docTable is one table of LAYOUT.md and the constants of layout.go that it
// speaks of.
type docTable struct {
	heading string
	prefix  string            // of the constants
	other   map[string]string // field in the document: constant, where they differ
}

// TestLayoutDocument compares every offset in LAYOUT.md with the constant of the
// same name in layout.go, in both directions.
func TestLayoutDocument(t *testing.T) {
	doc, err := os.ReadFile("LAYOUT.md")
	require.NoError(t, err)
	consts := layoutConstants(t)
	tables := []docTable{
		{heading: "3. Static header", prefix: "st"},
		{heading: "4. Dynamic header", prefix: "dy"},
		{heading: "5. Reader table", prefix: "rt"},
		{heading: "6. Slot record", prefix: "sr"},
		{heading: "8. Control file", prefix: "ct", other: map[string]string{"CursorEvent": "ctEvent"}},
		{heading: "8. Control file", prefix: "cl"},
	}
	seen := map[string]bool{}
	row := regexp.MustCompile(`^\| (\d+) \| (\d+|–) \| (\w+) \|`)
	for _, tab := range tables {
		t.Run(tab.heading+"/"+tab.prefix, func(t *testing.T) {
			section := sectionOf(t, string(doc), tab.heading)
			parts := strings.Split(section, "\n\n|") // one part a table
			found := 0
			for _, part := range parts[1:] {
				cell := strings.Contains(part, "Cursor |")
				if tab.prefix == "ct" && cell || tab.prefix == "cl" && !cell {
					continue
				}
				end := int64(0)
				for _, line := range strings.Split("|"+part, "\n") {
					m := row.FindStringSubmatch(line)
					if m == nil {
						continue
					}
					found++
					name := tab.prefix + m[3]
					if o := tab.other[m[3]]; o != "" {
						name = o
					}
					want, ok := consts[name]
					if !ok {
						t.Errorf("LAYOUT.md has %s, layout.go has no %s", m[3], name)
						continue
					}
					seen[name] = true
					off, _ := strconv.ParseInt(m[1], 10, 64)
					if off != want {
						t.Errorf("%s: LAYOUT.md says %d, layout.go %d", name, off, want)
					}
					if off < end {
						t.Errorf("%s at %d overlaps the field before it, which ends at %d", name, off, end)
					}
					size, _ := strconv.ParseInt(m[2], 10, 64)
					end = off + size
					if size > 0 && size <= 8 && off%size != 0 {
						t.Errorf("%s: offset %d is no multiple of its size %d", name, off, size)
					}
				}
			}
			require.NotZero(t, found, "no rows found")
		})
	}
	for name := range consts {
		for _, p := range []string{"st", "dy", "rt", "sr", "ct", "cl"} {
			rest := strings.TrimPrefix(name, p)
			if rest != name && rest[0] >= 'A' && rest[0] <= 'Z' && !seen[name] {
				t.Errorf("layout.go has %s, LAYOUT.md does not", name)
			}
		}
	}
}

// TestLayoutDocumentSizes checks the numbers of LAYOUT.md that stand in prose.
func TestLayoutDocumentSizes(t *testing.T) {
	raw, err := os.ReadFile("LAYOUT.md")
	require.NoError(t, err)
	doc := string(raw)
	for _, want := range []string{
		fmt.Sprintf("**Layout version %d.%d.**", layoutMajor, layoutMinor),
		fmt.Sprintf("`%s\\n`", strings.TrimSuffix(dataMagic, "\n")),
		fmt.Sprintf("`%s\\n`", strings.TrimSuffix(controlMagic, "\n")),
		fmt.Sprintf("bytes of the static header, %d or more, at most %d", staticSize, maxStaticSize),
		fmt.Sprintf("bytes of it, %d or more", dynamicSize),
		fmt.Sprintf("bytes of one record of it, %d or more", tableRecord),
		fmt.Sprintf("cells 1 to K. 1 to %d", maxCells),
		fmt.Sprintf("number of slots, 2 to %d", maxSlots),
		fmt.Sprintf("(%d for video, %d for audio and data)", videoAlign, dataAlign),
		fmt.Sprintf("zero bytes after each capacity, %d", slotTail),
		fmt.Sprintf("`SlotRecord ≥ %d + MetaCapacity`", srMeta),
		fmt.Sprintf("owns the %d bytes at `%d × k`", cellSize, cellSize),
		fmt.Sprintf("| 16 | %d | Pins | %d × 8", 8*pins, pins),
		fmt.Sprintf("| %d | %d | Label |", clLabel, labelSize),
		fmt.Sprintf("| %d | %d | Error |", dyError, errorCapacity),
		fmt.Sprintf("| %d | %d | Drops | %d × 8", dyDrops, 8*dropReasons, dropReasons),
		fmt.Sprintf("| %d | %d | Plane | %d × {", srPlane, maxPlanes*planeSize, maxPlanes),
		"refuses numbers from 2^47 on",
		fmt.Sprintf("bit %d key frame, bit %d discontinuity before it, bit %d CRC is set, bit %d placeholder",
			bits.TrailingZeros64(uint64(FlagKey)), bits.TrailingZeros64(uint64(FlagDiscontinuity)),
			bits.TrailingZeros64(uint64(FlagCRC)), bits.TrailingZeros64(uint64(FlagPlaceholder))),
	} {
		require.Contains(t, doc, want)
	}
	require.Equal(t, fmt.Sprintf("%d.%d", layoutMajor, layoutMinor), LayoutVersion)
	require.EqualValues(t, 1<<47, uint64(maxFrame))
	for i, p := range pixelFormats {
		_, n := Format{PixelFormat: PixelFormat(i), Width: 2, Height: 2}.planes()
		require.Contains(t, doc, fmt.Sprintf("| %d | %s | %d |", i, p.name, n))
	}
	for i, s := range []State{Live, Draining, Ended, Moved, Dead} {
		require.Contains(t, doc, fmt.Sprintf("%d %s", i+1, s))
	}
}

func sectionOf(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n## "+heading+"\n")
	require.True(t, ok, "LAYOUT.md has no section %q", heading)
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

// layoutConstants evaluates the integer constants of layout.go.
func layoutConstants(t *testing.T) map[string]int64 {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "layout.go", nil, 0)
	require.NoError(t, err)
	conf := types.Config{Importer: importer.Default()}
	pkg, err := conf.Check("layout", fset, []*ast.File{file}, nil)
	require.NoError(t, err)
	out := map[string]int64{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Val().Kind() == constant.Int {
			v, _ := constant.Int64Val(c.Val())
			out[name] = v
		}
	}
	require.NotEmpty(t, out)
	return out
}
