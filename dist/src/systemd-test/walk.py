#!/usr/bin/env python3
"""Does what docs/operations.md says of a first tunnel between two machines, each command as it stands there, on one of the two.

Like the person who goes to and fro between them, the two instances do the steps in their order, and carry what `keygen` has printed, by a
directory that both see: a file NUMBER for each step that is done, and CLIENT.key and SERVER.key.
"""

import pathlib
import re
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 120
SHARED = pathlib.Path('/shared')
STEP = re.compile(r'^On the (server|client)[^\n]*:\n\n```sh\n(.*?)^```|^```hocon\n# (\S+), on the (server|client)\n(.*?)^```', re.M | re.S)
OTHER = {'server': 'client', 'client': 'server'}


def steps():
    """What is to be done where: commands, or the content of a file."""
    page = pathlib.Path('/culvert-test/operations.md').read_text()
    section = page[page.index('## A first tunnel'):page.index('## As a service')]
    for match in STEP.finditer(section):
        where, commands, file, there, content = match.groups()
        if commands:
            yield where, lambda commands=commands: [command(line) for line in commands.splitlines()]
        else:
            yield there, lambda file=file, content=content: write(file, content)


def command(line):
    done = subprocess.run(line, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise SystemExit(f'FAILED  {ROLE}: {line}: exit code {done.returncode}: {done.stdout.strip()}')
    if 'keygen' in line:
        (SHARED / f'{ROLE}.key').write_text(done.stdout.split()[-1])
    if 'curl' in line and 'what the web server has' not in done.stdout:
        raise SystemExit(f'FAILED  {ROLE}: {line}: {done.stdout}')
    print(f'ok  {ROLE}: {line}', flush=True)


def write(file, content):
    key = (SHARED / f'{OTHER[ROLE]}.key').read_text()
    text, count = re.subn('SHA256:A+', key, content)
    if count != 1:
        raise SystemExit(f'FAILED  {ROLE}: {file} has no place for a key')
    pathlib.Path(file).write_text(text)
    print(f'ok  {ROLE}: {file} is written', flush=True)


def wait_for(file):
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        if time.monotonic() > deadline:
            raise SystemExit(f'FAILED  {ROLE}: step {file.name} of the {OTHER[ROLE]} is not done within {PATIENCE} s')
        time.sleep(0.05)


class Page(SimpleHTTPRequestHandler):
    """What can only be reached on the server."""

    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'what the web server has\n')

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


ROLE = sys.argv[1]
if ROLE == 'server':
    threading.Thread(target=ThreadingHTTPServer(('127.0.0.1', 8000), Page).serve_forever, daemon=True).start()
all_steps = list(steps())
if len(all_steps) != 6:
    raise SystemExit(f'FAILED  {ROLE}: docs/operations.md has {len(all_steps)} steps, and not 6')
for number, (role, action) in enumerate(all_steps):
    if role == ROLE:
        action()
        (SHARED / str(number)).touch()
    else:
        wait_for(SHARED / str(number))
if ROLE == 'client':  # has done the last one
    print(f'{len(all_steps)} passed, 0 failed, 0 skipped')
