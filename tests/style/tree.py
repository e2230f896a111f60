"""The files of a source tree that the style tests look at."""
import re
from pathlib import Path

MODULES = ("deferred", "reactor", "zk", "couch_async")
OUTSIDE = {".git", ".cache", "node_modules", "subprojects"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Tree:
    def __init__(self, root):
        self.root = Path(root)

    def files(self, *suffixes, under=("",)):
        """Paths relative to the root, sorted, of the project's own files with one of these suffixes."""
        found = []
        for folder in under:
            for path in sorted((self.root / folder).rglob("*")):
                parts = path.relative_to(self.root).parts
                if OUTSIDE & set(parts) or parts[0].startswith("build"):
                    continue
                if path.is_file() and path.suffix in suffixes:
                    found.append(path.relative_to(self.root))
        return found

    def lines(self, path):
        return self.text(path).splitlines()

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def includes(self, path):
        """(line number, is it <...>, what) for each include of a file."""
        for number, line in enumerate(self.lines(path), 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1] == "<", match[2]

    def public_headers(self):
        return [path for path in self.files(".hpp", under=MODULES) if "detail" not in path.parts]


def main(rules):
    """Runs rules, functions from a Tree to lines that say what is wrong, over the tree given as argument."""
    import sys

    tree = Tree(sys.argv[1])
    problems = [problem for rule in rules for problem in rule(tree)]
    for problem in problems:
        print(problem)
    print(f"{len(rules)} rules, {len(problems)} problems")
    sys.exit(1 if problems else 0)
