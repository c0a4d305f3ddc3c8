# usage: python3 fetch.py PORT DIRECTORY
# Fetches everything by poplib into files in DIRECTORY, then deletes it.
import poplib
import sys

port, directory = int(sys.argv[1]), sys.argv[2]
# Its own limit on a line, 2048 octets, is too low for real mail.
poplib._MAXLINE = 1 << 20


def keep(name, lines):
    with open(f"{directory}/{name}", "wb") as f:
        f.write(b"".join(line + b"\r\n" for line in lines))


def connect():
    return poplib.POP3("127.0.0.1", port, timeout=60)


box = connect()
box.user("alice")
box.pass_("secret")
count, octets = box.stat()
keep("STAT", [b"%d %d" % (count, octets)])
keep("LIST", box.list()[1])
keep("UIDL", box.uidl()[1])
keep("CAPA", [k.encode() for k in box.capa()])
for n in range(1, count + 1):
    keep(f"RETR.{n}", box.retr(n)[1])
    keep(f"TOP.{n}", box.top(n, 2)[1])
    box.dele(n)
box.rset()
box.quit()

box = connect()
box.apop("alice", "secret")
for n in range(1, box.stat()[0] + 1):
    box.dele(n)
box.quit()
