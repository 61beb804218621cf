package ctest

// What compilers make of the header.

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The header, the examples and the kit's program, in both languages, with both
// compilers, optimized and not.
func TestCompiles(t *testing.T) {
	skipShort(t)
	sources := []string{"testdata/empty.c", "../examples/luma.c", "../examples/bars.c", "../conform.c"}
	for _, row := range []struct{ name, compiler, flags string }{
		{"gcc C11", "gcc", "-std=c11"},
		{"gcc C++17", "g++", "-x c++ -std=c++17"},
		{"clang C11", "clang", "-std=c11"},
		{"clang C++17", "clang++", "-x c++ -std=c++17"},
		{"gcc GNU C23", "gcc", "-std=gnu2x -Wno-error=pedantic"},
		{"arm64 C11", "aarch64-linux-gnu-gcc", "-std=c11"},
	} {
		for _, level := range []string{"-O0", "-O2"} {
			if level == "-O0" && row.name == "arm64 C11" || level == "-O2" && row.name == "gcc GNU C23" {
				continue // nothing new to hear
			}
			t.Run(row.name+" "+level, func(t *testing.T) {
				t.Parallel()
				optimized := "../conform.c" // it uses most functions
				if strings.Contains(row.flags, "c++") {
					optimized = "../examples/luma.c" // optimizers are the same in both languages, and slow
				}
				for _, source := range sources {
					if level == "-O2" && source != optimized {
						continue
					}
					object := filepath.Join(t.TempDir(), "object")
					compile(t, row.compiler, append(strict(strings.Fields(row.flags)...), level, "-c", "-o", object, source)...)
				}
			})
		}
	}
}

// Where it cannot work it says so, in one line, instead of a hundred strange ones.
func TestRefusesToCompile(t *testing.T) {
	need(t, "gcc")
	for _, row := range []struct{ name, flags, says string }{
		{"another architecture", "-m32 testdata/empty.c", "for amd64 and arm64 only"},
		{"another system", "-U__linux__ testdata/empty.c", "Linux only"},
		{"after headers that hide Linux", "-std=c11 -include stdio.h testdata/empty.c", "before other headers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			args := append(strict("-fsyntax-only", "-fmax-errors=1"), strings.Fields(row.flags)...)
			out, err := exec.Command("gcc", args...).CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), row.says)
		})
	}
	compile(t, "gcc", strict("-fsyntax-only", "-std=gnu11", "-include", "stdio.h", "testdata/empty.c")...)
	compile(t, "gcc", strict("-fsyntax-only", "-std=c11", "-D_DEFAULT_SOURCE", "-include", "stdio.h", "testdata/empty.c")...)
}

// The order of loads and stores is there in what the compilers make of it. What each
// function of testdata/fences.c must contain, in this order.
func TestFences(t *testing.T) {
	skipShort(t)
	arm := map[string]string{
		"look":    `ldar|ldapr`,
		"holds":   `dmb\s+ishld[\s\S]*ldr`,
		"pin":     `stlr[\s\S]*ldar\b`,
		"mark":    `str[\s\S]*dmb\s+ish\b[\s\S]*str`,
		"publish": `stlr`,
	}
	amd := map[string]string{"pin": `xchg[\s\S]*mov|mov[\s\S]*mfence[\s\S]*mov`}
	for _, row := range []struct {
		name, compiler, flags, disassembler string
		want                                map[string]string
	}{
		{"arm64 gcc", "aarch64-linux-gnu-gcc", "", "aarch64-linux-gnu-objdump", arm},
		{"arm64 clang", "clang", "--target=aarch64-linux-gnu", "aarch64-linux-gnu-objdump", arm},
		{"arm64 with LDAPR, clang", "clang", "--target=aarch64-linux-gnu -march=armv8.4-a", "aarch64-linux-gnu-objdump", arm},
		{"arm64 with LDAPR, gcc", "aarch64-linux-gnu-gcc", "-march=armv8.4-a", "aarch64-linux-gnu-objdump", arm},
		{"amd64 gcc", "gcc", "-m64", "objdump", amd},
		{"amd64 clang", "clang", "--target=x86_64-linux-gnu", "objdump", amd},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.compiler == "gcc" && !isAMD64() {
				t.Skip("gcc here is for another architecture")
			}
			need(t, row.disassembler)
			object := filepath.Join(t.TempDir(), "object")
			flags := append(strings.Fields(row.flags), "-std=c11", "-O2", "-c", "-o", object, "testdata/fences.c")
			compile(t, row.compiler, strict(flags...)...)
			out, err := exec.Command(row.disassembler, "-d", "--no-show-raw-insn", object).CombinedOutput()
			require.NoError(t, err, "%s", out)
			for function, want := range row.want {
				body := regexp.MustCompile(`<` + function + `>:\n([\s\S]*?)(\n\n|$)`).FindStringSubmatch(string(out))
				require.NotEmpty(t, body, function)
				require.Regexp(t, want, body[1], function)
			}
		})
	}
}
