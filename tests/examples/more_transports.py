"""Runs the examples of UNIX datagrams, terminals, pipes, multicast and STARTTLS, and looks at what they print and do.

usage: more_transports.py NAME PROGRAM        NAME: unix_datagram, terminal, pipes, multicast, start_tls
"""
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60
SKIPPED = 77


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, **options)


@contextmanager
def running(*command):
    """A program that runs until it is told to end, and then ends well."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
            program.send_signal(signal.SIGTERM)
            assert program.wait(PATIENCE) == 0, program.stderr.read()
        finally:
            program.kill()


def refuses(program, *words):
    done = run(program, *words)
    assert done.returncode != 0 and "usage: " in done.stderr, done


def unix_datagram(program):
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "log"))
        with running(program, "listen", path) as log:
            assert log.stdout.readline() == f"listening at {path}\n"
            texts = [f"message {number}" for number in range(200)]  # more than the kernel keeps
            sent = run(program, "send", path, *texts)
            assert sent.returncode == 0, sent
            assert [log.stdout.readline() for _ in texts] == [text + "\n" for text in texts]
            assert run(program, "send", path, "x" * 9000).returncode == 0
            assert log.stdout.readline() == "(a message of 9000 bytes, which is too long)\n"
        assert not os.path.exists(path), "the socket's file is still there"
        nobody = run(program, "send", path, "anybody?")
        assert nobody.returncode == 1 and path in nobody.stderr, nobody
    refuses(program)
    refuses(program, "send", path)


def terminal(program):
    done = run(program, "--terminal", "test -t 0 && test -t 1 && test -t 2 && stty size", "cat; echo no >&2; exit 3",
               stdin=subprocess.DEVNULL)
    lines = sorted(done.stdout.replace("\r", "").splitlines())
    wanted = [
        "cat; echo no >&2; exit 3 ended with 3",
        "cat; echo no >&2; exit 3 says no",
        "test -t 0 && test -t 1 && test -t 2 && stty size ended with 0",
        "test -t 0 && test -t 1 && test -t 2 && stty size says 24 80",
    ]
    assert lines == wanted and done.returncode == 0, done
    refuses(program)
    refuses(program, "--terminal")


def pipes(program):
    text = "line\n" * 500_000 + "no newline at the end"
    piped = run(program, input=text)
    assert piped.returncode == 0 and piped.stdout == text.upper(), (piped.returncode, piped.stderr)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        os.mkfifo(source)
        os.mkfifo(target)
        with subprocess.Popen([program, source, target]) as between:
            try:
                with open(source, "wb", buffering=0) as into, open(target, "rb") as out:
                    for word in (b"one\n", b"another\n"):  # each at once, and not when a buffer is full
                        into.write(word)
                        assert out.readline() == word.upper()
                    into.close()
                    assert out.read() == b""
                assert between.wait(PATIENCE) == 0
            finally:
                between.kill()
        missing = run(program, Path(folder, "none"))
        assert missing.returncode == 1 and "none: No such file or directory" in missing.stderr, missing
    refuses(program, "a", "b", "c")


def multicast(program):
    group = "239.255.71.9"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
        except OSError as reason:
            print(f"skipped: no groups on the loopback interface here: {reason}")
            sys.exit(SKIPPED)
    with running(program, "listen", f"{group}:0", "lo") as first:
        address = first.stdout.readline().split()[-1]
        with running(program, "listen", address, "lo") as second:
            assert second.stdout.readline() == f"listening to {address}\n"
            sent = run(program, "send", address, "lo", "0", "hello", "you there")
            assert sent.returncode == 0, sent
            for member in (first, second):
                assert member.stdout.readline().endswith(" says hello\n")
                assert member.stdout.readline().endswith(" says you there\n")
    for words, why in (
        (("send", address, "lo", "near", "x"), 'and not "near"'),
        (("send", address, "lo", "256", "x"), "256"),
        (("send", address, "nosuch0", "0", "x"), 'no network interface "nosuch0"'),
        (("listen", "127.0.0.1:0", "lo"), "cannot join the group 127.0.0.1"),
    ):
        bad = run(program, *words)
        assert bad.returncode == 1 and why in bad.stderr, bad
    refuses(program, "listen")


def make_certificate(folder, name):
    certificate, key = Path(folder, name + ".pem"), Path(folder, name + ".key")
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", key, "-out", certificate)
    assert made.returncode == 0, made
    return certificate, key


def line_from(connection):
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.recv(1)
        assert byte, f"the connection ended after {line}"
        line += byte
    return line.decode().removesuffix("\r\n")


def say(connection, words):
    connection.sendall(words)
    return line_from(connection)


def all_of(connection):
    """What comes until the connection ends, in whichever way."""
    got = b""
    try:
        while piece := connection.recv(4096):
            got += piece
    except ConnectionResetError:
        pass
    return got


def start_tls_server(address, certificate, server):
    host, port = address.rsplit(":", 1)
    where = (host, int(port))
    with socket.create_connection(where, PATIENCE) as clear:
        assert line_from(clear) == "220 hello"
        assert say(clear, b"secret\r\n") == "530 STARTTLS first"
        assert say(clear, b"STARTTLS\r\n") == "220 go ahead"
        context = ssl.create_default_context(cafile=certificate)
        with context.wrap_socket(clear, server_hostname=host) as encrypted:
            assert say(encrypted, b"secret\r\n") == "250 you said secret"
            assert say(encrypted, b"STARTTLS\r\n") == "250 you said STARTTLS"
    assert "is gone" in server.stdout.readline()
    # Words behind STARTTLS, in one piece with it, are never taken for encrypted ones.
    with socket.create_connection(where, PATIENCE) as attacked:
        assert line_from(attacked) == "220 hello"
        attacked.sendall(b"STARTTLS\r\nsecret\r\n")
        assert "words in clear behind the switch" in server.stdout.readline()
        assert b"secret" not in all_of(attacked)
    with socket.create_connection(where, PATIENCE) as endless:
        endless.sendall(b"x" * 2000)
        assert "a line is too long" in server.stdout.readline()


def start_tls(program):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(folder, "server")
        other, _ = make_certificate(folder, "other")
        with running(program, "serve", certificate, key) as server:
            address = server.stdout.readline().split()[-1]
            asked = run(program, "ask", address, certificate, "hello", "you there")
            wanted = "encrypted with TLS 1.3\n250 you said hello\n250 you said you there\n"
            assert asked.returncode == 0 and asked.stdout == wanted, asked
            assert "is gone" in server.stdout.readline()
            refused = run(program, "ask", address, other, "hello")
            assert refused.returncode == 1 and "certificate verify failed" in refused.stderr, refused
            assert "is gone" in server.stdout.readline()
            start_tls_server(address, certificate, server)
        missing = run(program, "serve", Path(folder, "none.pem"), key)
        assert missing.returncode == 1 and "none.pem: No such file or directory" in missing.stderr, missing
        start_tls_client(program, certificate)
    refuses(program)
    refuses(program, "ask", address, certificate)


def start_tls_client(program, certificate):
    """A server that does not switch, one that says more behind its word, and one that hangs up."""
    for answer, why in (
        (b"500 what?\r\n", "the server will not switch to TLS: 500 what?"),
        (b"220 go ahead\r\n250 all is well\r\n", "words in clear behind the switch"),
        (b"", "the server hung up"),
    ):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            with subprocess.Popen([program, "ask", address, certificate, "x"], stderr=subprocess.PIPE,
                                  text=True) as client:
                try:
                    server.settimeout(PATIENCE)
                    connection, _ = server.accept()
                    with connection:
                        assert say(connection, b"220 hi\r\n") == "STARTTLS"
                        connection.sendall(answer)
                    said = client.communicate(timeout=PATIENCE)[1]
                    assert client.returncode == 1 and why in said, (client.returncode, said)
                finally:
                    client.kill()


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
