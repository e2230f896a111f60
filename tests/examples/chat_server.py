"""Two guests of the chat server: what one says the other reads; a line too long ends a visit.

usage: chat_server.py PROGRAM
"""
import signal
import socket
import subprocess
import sys


class Guest:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20)
        self.lines = self.socket.makefile("r", newline="\n")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def reads(self, expected):
        line = self.lines.readline().rstrip("\n")
        if line != expected:
            sys.exit(f"a guest read '{line}' instead of '{expected}'")


server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
try:
    host, port = server.stdout.readline().split()[-1].split(":")
    ann, bob = Guest((host, int(port))), Guest((host, int(port)))
    for guest, name in ((ann, "ann"), (bob, "bob")):
        guest.reads("Your name?")
        guest.say(name)
        guest.reads(f"Welcome, {name}")
    ann.reads("bob is here")
    bob.say("hello")
    ann.reads("bob: hello")
    bob.say("x" * 501)
    bob.reads("That line was too long. Good bye.")
    bob.reads("")
    ann.reads("bob is gone")
    server.send_signal(signal.SIGTERM)
    server.wait(20)
finally:
    server.kill()
