"""C++ in the documents is C++ that compiles: each block is the text of a file, or of a marked part of one.

    <!-- snippet: examples/readme.cpp -->           the whole file
    <!-- snippet: examples/echo.cpp#protocol -->    between `// snippet: protocol` and `// end of snippet`, unindented
    <!-- fragment -->                               shows a shape; compiled nowhere

One of these lines stands directly before each ```cpp block. `snippets.py SOURCE_ROOT --update` writes the files' text
into the documents.
"""
import re
import sys
import textwrap

from tree import Tree, main

BLOCK = re.compile(r"(?:^<!-- (snippet: (?P<source>\S+)|fragment) -->\n\n?)?^```cpp\n(?P<code>.*?)^```$", re.M | re.S)


class Missing(Exception):
    pass


def wanted(tree, source):
    """The text that a snippet line asks for."""
    name, _, part = source.partition("#")
    try:
        text = tree.text(name)
    except FileNotFoundError:
        raise Missing(f"there is no {name}") from None
    if not part:
        return text
    match = re.search(rf"^[ \t]*// snippet: {re.escape(part)}\n(.*?)^[ \t]*// end of snippet$", text, re.M | re.S)
    if not match:
        raise Missing(f"{name} has no part `// snippet: {part}` … `// end of snippet`")
    return textwrap.dedent(match[1])


def blocks_are_the_text_of_files(tree):
    for path in tree.files(".md"):
        text = tree.text(path)
        for block in BLOCK.finditer(text):
            where = f"{path}:{text.count(chr(10), 0, block.start()) + 1}"
            if block[1] is None:
                yield f"{where}: a C++ block needs a line <!-- snippet: FILE --> or <!-- fragment --> before it"
            elif block["source"]:
                try:
                    same = wanted(tree, block["source"]) == block["code"]
                except Missing as problem:
                    yield f"{where}: {problem}"
                    continue
                if not same:
                    yield f"{where}: differs from {block['source']}; run tests/style/snippets.py . --update"


def update(tree):
    for path in tree.files(".md"):

        def written(block):
            if not block["source"]:
                return block[0]
            return block[0].replace(f"```cpp\n{block['code']}", f"```cpp\n{wanted(tree, block['source'])}")

        (tree.root / path).write_text(BLOCK.sub(written, tree.text(path)), encoding="utf-8")


RULES = [blocks_are_the_text_of_files]

if __name__ == "__main__":
    if "--update" in sys.argv:
        update(Tree(sys.argv[1]))
    main(RULES)
