#!/usr/bin/env python3
"""Import circles between the files of a crate, by definition.

    python3 .ci/circles.py [CRATE…] [--most CRATE=N]…

A file depends on the file in which a name that it uses is *defined*: `use crate::…`, `super::…`, `self::…` (groups,
renames, globs) and paths in the code are followed through `use` and `mod` to the struct, enum, union, trait, fn, type,
const, static or macro; a path that ends in a module leads to that module's file. A re-export in `mod.rs` or `lib.rs` is
therefore no dependency on `mod.rs`, and a re-export that its own file does not use is no dependency of that file. Items under
`#[cfg(test)]` and everything outside of `src` are left out. Methods and fields are not seen: only names that are written.

Prints the strongly connected components with more than one file, and for each edge the names that tie it. Without
CRATE, all crates of the workspace. Exits with 1 when a crate has a component of more than N files. Standard library only.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*)|(?P<text>[bc]?r(?P<h>#*)\".*?\"(?P=h)|[bc]?\"(?:\\.|[^\"\\])*\"|b?'(?:\\.[^']*|[^'\\])')"
    r"|(?P<token>'\w+|(?:r\#)?[A-Za-z_]\w*|::|\d[\w.]*|.)", re.S)
DEFINING = {"struct", "enum", "union", "trait", "type", "const", "static", "fn"}
OPEN, CLOSE = "([{", ")]}"


def tokens(source):
    """The tokens of a file; comments vanish, literals become one token."""
    source = re.sub(r"/\*.*?\*/", " ", source, flags=re.S)
    return ['""' if m["text"] else m["token"] for m in TOKEN.finditer(source) if not m["skip"]]


class Module:
    """A module: the names it defines, those it imports, and where it refers to others."""

    def __init__(self, file, path, parent):
        self.file, self.path, self.parent = file, path, parent
        self.defined, self.modules, self.imports, self.globs, self.code = set(), {}, {}, [], []
        self.reexports, self.generated = set(), set()


def closing(words, at):
    """The position after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(words):
        depth += (words[at] in OPEN) - (words[at] in CLOSE)
        at += 1
        if depth == 0:
            break
    return at


def item_end(words, at, until_semicolon):
    """The position after the item that starts at `at`."""
    while at < len(words) and words[at] != ";":
        if words[at] in OPEN:
            brace, at = words[at] == "{", closing(words, at)
            if brace and not until_semicolon:
                return at
        else:
            at += 1
    return at + 1


def use_tree(words, prefix, found):
    """Reads one tree of a `use` declaration into (path, name) pairs; the name `*` is a glob. Returns what follows it."""
    path = list(prefix)
    while words:
        word = words.pop(0)
        if word == "{":
            while words and words[0] != "}":
                use_tree(words, path, found)
                if words and words[0] == ",":
                    words.pop(0)
            return words.pop(0) if words else None
        if word == "*":
            return found.append((path, "*"))
        if word != "::":
            path.append(word)
        if not words or words[0] in (",", "}", ";", "as"):
            break
    if path[-1] == "self" and len(path) > 1:
        path.pop()
    name = path[-1]
    if words and words[0] == "as":
        name = words[1]
        del words[:2]
    return found.append((path, name))


def read_module(module, words, directory):
    """Reads the items of a module and, through its `mod` lines, those of the modules below it."""
    at = 0
    while at < len(words):
        tested = False
        while words[at:at + 1] == ["#"]:
            opening = at + 1 + (words[at + 1] == "!")
            end = closing(words, opening)
            tested |= words[opening:end] == ["[", "cfg", "(", "test", ")", "]"]
            at = end
        start, public = at, words[at:at + 1] == ["pub"]
        if public:
            at = closing(words, at + 1) if words[at + 1] == "(" else at + 1
        while words[at:at + 1] and (words[at] in ("unsafe", "async", "extern", '""')
                                    or words[at] == "const" and words[at + 1] in ("fn", "unsafe", "async")):
            at += 1
        if at >= len(words):
            break
        kind, name = words[at], words[at + 1] if at + 1 < len(words) else ""
        end = item_end(words, at, kind in ("use", "const", "static", "type"))
        if not tested:
            if kind == "use":
                read_use(module, words[at + 1:end], public)
            elif kind == "mod":
                read_child(module, name, words[at:end], directory)
            else:
                module.code.append(words[start:end])
                if kind in DEFINING:
                    module.defined.add(name)
                elif name == "!":
                    module.defined |= {words[at + 2]} if kind == "macro_rules" else set()
                    module.generated.update(words[at:end])
                for inner in (i for i in range(at, end) if words[i] == "use" and words[i + 1] != "<"):
                    read_use(module, words[inner + 1:words.index(";", inner)], False)
        at = end


def read_use(module, words, public):
    found = []
    use_tree(list(words), [], found)
    for path, name in found:
        if name == "*":
            module.globs.append(path)
        elif name != "_":
            module.imports[name] = path
            module.reexports |= {name} if public else set()
        else:
            module.imports[f"_{len(module.imports)}"] = path


def read_child(module, name, words, directory):
    below = directory / name
    if words[2] == "{":
        child = Module(module.file, module.path + (name,), module)
        read_module(child, words[3:-1], below)
    else:
        file = next((f for f in (directory / f"{name}.rs", below / "mod.rs") if f.exists()), None)
        if file is None:
            return
        child = Module(file, module.path + (name,), module)
        read_module(child, tokens(file.read_text()), below)
    module.modules[name] = child


def look_up(module, name, seen, last=True):
    """What a name means in a module: a Module, or the file that defines it; None when it is not the crate's."""
    if (id(module), name) in seen:
        return None
    seen = seen | {(id(module), name)}
    if name in module.modules and not last:
        return module.modules[name]
    if name in module.defined:
        return module.file
    if name in module.modules:
        return module.modules[name]
    if name in module.imports:
        return resolve(module, module.imports[name], seen)[0]
    for path in module.globs:
        target = resolve(module, path, seen)[0]
        found = look_up(target, name, seen) if isinstance(target, Module) else None
        if found is not None:
            return found
    return module.file if name in module.generated and name[0].isupper() else None


def resolve(module, path, seen=frozenset()):
    """Follows a path to what it means, and the name at which it left the modules."""
    here, name = module, path[-1]
    for at, name in enumerate(path):
        if name in ("crate", "$crate"):
            while here.parent:
                here = here.parent
        elif name == "super":
            here = here.parent
        elif name != "self":
            here = look_up(here, name, seen, at == len(path) - 1)
        if not isinstance(here, Module):
            break
    return here, name


def paths(words):
    """The paths with more than one segment in the tokens of an item."""
    at = 0
    while at < len(words):
        path = [words[at]]
        while re.match(r"[A-Za-z_]", words[at]) and words[at + 1:at + 2] == ["::"] and re.match(r"\w", words[at + 2]):
            at += 2
            path.append(words[at])
        if len(path) > 1:
            yield path
        at += 1


def edges_of(module, edges):
    """Adds what a module and those inside it depend on: edges[(from, to)] = names."""
    used = {word for words in module.code for word in words}
    through = set()
    wanted = [path for words in module.code for path in paths(words)]
    for path in wanted:
        if isinstance(resolve(module, path[:1])[0], Module):
            through.add(path[0])
    for name, path in module.imports.items():
        if name in through or name in module.reexports and name not in used:
            continue
        wanted.append(path)
    for path in module.globs:
        target = resolve(module, path)[0]
        if isinstance(target, Module):
            wanted += [[*path, word] for word in sorted(used) if look_up(target, word, frozenset()) is not None]
    for path in wanted:
        target, name = resolve(module, path)
        file = target.file if isinstance(target, Module) else target
        if file is not None and file != module.file:
            edges.setdefault((module.file, file), set()).add(name)
    for child in module.modules.values():
        edges_of(child, edges)


def components(edges):
    """Strongly connected components with more than one file, the largest first: files that reach each other."""
    reached = {}
    for start in {file for edge in edges for file in edge}:
        todo, seen = [start], set()
        while todo:
            here = todo.pop()
            new = {to for (origin, to) in edges if origin == here} - seen
            seen |= new
            todo += new
        reached[start] = seen
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in reached if a in reached[a]}
    return sorted((sorted(group) for group in groups if len(group) > 1), key=lambda group: (-len(group), group))


def measure(crate):
    """Prints the circles of a crate; returns the size of the largest."""
    source, edges = ROOT / crate / "src", {}
    for root in (source / "lib.rs", source / "main.rs"):
        if root.exists():
            module = Module(root, (), None)
            read_module(module, tokens(root.read_text()), source)
            edges_of(module, edges)
    found = components(edges)
    count = len(list(source.rglob("*.rs")))
    print(f"{crate}: {count} files, {len(edges)} edges, circles of {[len(group) for group in found] or 'no'} files")
    for group in found:
        print(f"  circle of {len(group)}: " + " ".join(str(file.relative_to(source)) for file in group))
        for (origin, to), names in sorted(edges.items()):
            if origin in group and to in group:
                print(f"    {origin.relative_to(source)} -> {to.relative_to(source)}: {', '.join(sorted(names))}")
    return max(map(len, found), default=0)


def main(arguments):
    most, crates = {}, []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--most" and arguments:
            crate, _, limit = arguments.pop(0).partition("=")
            most[crate] = int(limit)
        else:
            crates.append(argument.rstrip("/"))
    every = sorted(lib.parent.parent.name for lib in {*ROOT.glob("*/src/lib.rs"), *ROOT.glob("*/src/main.rs")})
    crates = [*crates, *(crate for crate in most if crate not in crates)] or every
    sizes = {crate: measure(crate) for crate in dict.fromkeys(crates)}
    too_large = [crate for crate, limit in most.items() if sizes[crate] > limit]
    for crate in too_large:
        print(f"{crate}: the largest circle has {sizes[crate]} files, at most {most[crate]} are allowed", file=sys.stderr)
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
