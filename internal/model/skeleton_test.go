// The skeleton of a function: what it does to shared memory, to locks and to
// names, in order, and under which conditions. Names of private variables and
// what is private do not count.

package model

import (
	"bytes"
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// skeleton has one line for each access, indented as deep as it is nested.
type skeleton struct {
	set   *token.FileSet
	calls map[string]bool // functions that steps name: calling them counts
	depth int
	lines []string
}

func (src *source) skeleton(f *ast.FuncDecl, calls map[string]bool) []string {
	k := &skeleton{set: src.set, calls: calls, depth: 1}
	k.walk(f.Body)
	return k.lines
}

// accesses is what a call must be named to count.
func accesses() []string {
	return []string{"Load", "Store", "Add", "Swap", "CompareAndSwap", "Lock", "Locked", "Link", "Rename", "Unlink", "Is", "CreateUnnamed", "ring", "release"}
}

func (k *skeleton) isAccess(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "copy" || k.calls[f.Name]
	case *ast.SelectorExpr:
		switch x, _ := f.X.(*ast.Ident); {
		case x != nil && (x.Name == "seqlock" || x.Name == "futex"):
			return true
		case x != nil && x.Name == "errors":
			return false
		case f.Sel.Name == "Lock":
			return len(c.Args) > 0 // not that of a mutex
		}
		return slices.Contains(accesses(), f.Sel.Name) || k.calls[f.Sel.Name]
	}
	return false
}

func (k *skeleton) has(n ast.Node) (found bool) {
	if n == nil {
		return false
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && k.isAccess(c) {
			found = true
		}
		return !found
	})
	return found
}

func (k *skeleton) text(n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, k.set, n); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (k *skeleton) emit(words ...string) {
	line := strings.TrimSpace(strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
	k.lines = append(k.lines, strings.Repeat("  ", k.depth)+line)
}

// inside walks what is nested.
func (k *skeleton) inside(n ast.Node) {
	k.depth++
	k.walk(n)
	k.depth--
}

func (k *skeleton) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.IfStmt:
			if k.has(x) {
				head := ""
				if x.Init != nil {
					head = k.text(x.Init) + ";"
				}
				k.emit("if", head, k.text(x.Cond))
				k.inside(x.Body)
				if x.Else != nil && k.has(x.Else) {
					k.emit("else")
					k.inside(x.Else)
				}
			}
			return false
		case *ast.ForStmt:
			if k.has(x) {
				cond := ""
				if x.Cond != nil {
					cond = k.text(x.Cond)
				}
				k.emit("for", cond)
				k.inside(x.Body)
			}
			return false
		case *ast.RangeStmt:
			if k.has(x) {
				k.emit("for range", k.text(x.X))
				k.inside(x.Body)
			}
			return false
		case *ast.SwitchStmt:
			if k.has(x) {
				head := ""
				if x.Init != nil {
					head = k.text(x.Init)
				}
				if x.Tag != nil {
					head += " " + k.text(x.Tag)
				}
				k.emit("switch", head)
				for _, c := range x.Body.List {
					k.clause(c.(*ast.CaseClause))
				}
			}
			return false
		case *ast.CallExpr:
			if !k.isAccess(x) {
				return true
			}
			k.emit(k.text(x))
			return false
		}
		return true
	})
}

func (k *skeleton) clause(c *ast.CaseClause) {
	var conds []string
	for _, e := range c.List {
		conds = append(conds, k.text(e))
	}
	head := "case " + strings.Join(conds, ", ")
	if c.List == nil {
		head = "default"
	}
	k.emit(head)
	for _, s := range c.Body {
		k.inside(s)
	}
}
