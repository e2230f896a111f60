"""The rules of what the texts hold: headers that open as a manual, no sleeps in tests, nothing of one machine.

usage: texts.py SOURCE_ROOT
"""
import itertools
import re

from tree import MODULES, main

CODE = (".hpp", ".cpp")
TEXTS = CODE + (".md", ".py", ".sh", ".build", ".txt", ".json", ".js", "")
MOST_LINES = 600

# A clock's own sleep(), as in clock.sleep(1s), is what tests advance.
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![.>\w])sleep\s*\(")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
DEFERRED = re.compile(r"\s*(?:virtual |static |inline )*Deferred<.*>\s+(\w+)\(")
ELSEWHERE = re.compile(r"^\s*(As|The same)\b|\b[Aa]s (above|`?[\w:]+(\(\)|`))|\b[Ss]ee \w")
# Split, so that this file does not break its own rule.
OF_ONE_MACHINE = re.compile(r"/root/\w|/home/\w|/var/" r"tmp/\w|/tm" r"p/\w|registry\." r"npmjs")


def headers_open_with_what_they_are(tree):
    for path in tree.public_headers():
        lines = tree.lines(path)
        opening = list(itertools.takewhile(lambda line: line.startswith("//"), lines))
        if sum(line.startswith("// ") for line in opening) < 2:
            yield f"{path}:1: open with two lines of comment: what it is, and what it is not"
        if next((line for line in lines[len(opening) :] if line), "") != "#pragma once":
            yield f"{path}: #pragma once comes right after the opening comment"


def deferreds_say_how_they_fail(tree):
    for path in tree.public_headers():
        if path.parts[0] == "deferred":  # its Deferreds are the tools themselves
            continue
        words, words_of_class = [], []
        for number, line in enumerate(tree.lines(path), 1):
            text = line.strip()
            if text.startswith("///"):
                words.append(text[3:])
            elif not text:
                words = []
            elif re.match(r"(class|struct)\b.*[^;]$", line):
                words_of_class = words
            elif line.startswith("}"):
                words_of_class = []
            elif (declared := DEFERRED.match(line)) and "override" not in line:
                own = " ".join(words)
                both = own + " " + " ".join(words_of_class)
                if not ELSEWHERE.search(own) and not all(re.search(word, both) for word in ("[Ff]ail", "[Cc]ancel")):
                    yield f"{path}:{number}: say how {declared[1]}() fails and what cancelling does, or where that is said"


def files_hold_one_idea(tree):
    for path in tree.files(*CODE):
        count = len(tree.lines(path))
        if count > MOST_LINES:
            yield f"{path}: {count} lines; past {MOST_LINES} there is a second idea in it"


def tests_do_not_sleep(tree):
    for path in tree.files(*CODE, under=("tests",)):
        for number, line in enumerate(tree.lines(path), 1):
            if SLEEP.search(line):
                yield f"{path}:{number}: tests do not sleep: advance a ManualClock, or wait for what is to happen"


def lambdas_name_what_they_capture(tree):
    for path in tree.files(*CODE):
        for number, line in enumerate(tree.lines(path), 1):
            if re.search(r"\[=[\],]", line):
                yield f"{path}:{number}: [=] hides what is captured, and `this` with it"


def nothing_is_left_unfinished(tree):
    for path in tree.files(*TEXTS):
        for number, line in enumerate(tree.lines(path), 1):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: finish it, or open an issue"


def nothing_names_one_machine(tree):
    for path in tree.files(*TEXTS):
        for number, line in enumerate(tree.lines(path), 1):
            if OF_ONE_MACHINE.search(line):
                yield f"{path}:{number}: names a path or a host of one machine"


RULES = [
    headers_open_with_what_they_are,
    deferreds_say_how_they_fail,
    files_hold_one_idea,
    tests_do_not_sleep,
    lambdas_name_what_they_capture,
    nothing_is_left_unfinished,
    nothing_names_one_machine,
]

if __name__ == "__main__":
    main(RULES)
