#!/usr/bin/env python3
"""Checks the package on the systemd that runs this machine, which `run` beside this file boots as a container for that.

Each check is a function below; its docstring is what is promised, and what it returns is what was seen. They build on each other,
so the first that fails is the last: the rest is skipped.
"""

import ctypes
import glob
import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 60  # seconds; what is waited for comes much sooner, or never
AGENTS = ("server", "client")
SERVICES = [f"tunnel-{agent}.service" for agent in AGENTS]
UNITS = [f"tunnel-{agent}{instance}.service" for agent in AGENTS for instance in ("", "@")]
# As conf/ has them.
SERVER_PORT, FORWARD_PORT, TARGET_PORT = 7443, 8080, 8000
PLACEHOLDER = "SHA256:" + "A" * 43
# What the administrator makes beside the package.
CONFIGS = {agent: f"/etc/culvert/{agent}-prod.conf" for agent in AGENTS}
KEYS = {agent: f"/etc/culvert/{agent}-prod.key" for agent in AGENTS}


class Failed(Exception):
    """A check has."""


def check(true, said):
    if not true:
        raise Failed(said)


def sh(command, expect=0, patience=PATIENCE):
    """Runs a command line; returns all that it printed."""
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=patience)
    check(done.returncode == expect, f"`{command}` ended with {done.returncode} instead of {expect}:\n{done.stdout}")
    return done.stdout.strip()


def wait_for(what, condition):
    """Waits until a condition holds; returns its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        check(time.monotonic() < deadline, f"not within {PATIENCE} s: {what}")
        time.sleep(0.05)
    return value


def property_of(unit, name):
    return sh(f"systemctl show -P {name} {unit}")


def states(name):
    return [property_of(unit, name) for unit in SERVICES]


def journal(unit, options=""):
    return sh(f"journalctl --no-pager -o cat -u '{unit}' {options}")


def edit(file, old, new):
    with open(file) as before:
        text = before.read()
    check(old in text, f"{file} does not have {old}")
    with open(file, "w") as after:
        after.write(text.replace(old, new))


# ---- traffic

TARGET = socket.create_server(("127.0.0.1", TARGET_PORT))
TARGET.settimeout(PATIENCE)
POOL = ThreadPoolExecutor(1024)


class Transfer:
    """A connection through the tunnel, with random bytes on their way in both directions until `end`."""

    BLOCK = 1 << 16
    PAUSE = 0.002  # 30 MB/s: enough for a tunnel in use, and not all that the machine has
    MANY = 0.3  # for a hundred of them together

    def __init__(self, port=FORWARD_PORT, pause=PAUSE):
        self.pause = pause
        near = socket.create_connection(("127.0.0.1", port), PATIENCE)
        far, _ = TARGET.accept()
        far.settimeout(PATIENCE)
        self.ended = threading.Event()
        self.arrived = {near: 0, far: 0}
        self.directions = [
            (POOL.submit(self.send, one), POOL.submit(self.receive, other)) for one, other in ((near, far), (far, near))
        ]

    def send(self, end):
        digest = hashlib.sha256()
        while True:
            block = os.urandom(self.BLOCK)
            end.sendall(block)
            digest.update(block)
            if self.ended.wait(self.pause):
                end.shutdown(socket.SHUT_WR)
                return digest.hexdigest()

    def receive(self, end):
        digest = hashlib.sha256()
        while block := end.recv(self.BLOCK):
            digest.update(block)
            self.arrived[end] += len(block)
        return digest.hexdigest()

    def goes_on(self, more=4 << 20):
        """Waits until that many more bytes have arrived on both ends."""
        goals = {end: arrived + more for end, arrived in self.arrived.items()}
        wait_for(
            "more bytes through the tunnel",
            lambda: all(self.arrived[end] >= goal for end, goal in goals.items()) or self.broken(),
        )
        check(not self.broken(), f"a transfer ended early: {self.broken()}")

    def broken(self):
        return [str(end.exception() or "closed") for direction in self.directions for end in direction if end.done()]

    def end(self):
        """Ends both directions; all has to have arrived as it was sent. Returns how much that was."""
        self.ended.set()
        for sent, received in self.directions:
            try:
                same = sent.result(PATIENCE) == received.result(PATIENCE)
            except OSError as e:
                raise Failed(f"a transfer was cut off: {e}") from e
            check(same, "a transfer brought other bytes than were sent")
        for end in self.arrived:
            end.close()
        return f"{sum(self.arrived.values()) / 2**20:.0f} MiB"


def refuses(port):
    """
    Whether nobody listens, or who does stops before it has accepted, which is a reset. Not for forwards that are there: the
    connection would go on to the target.
    """
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


# ---- checks

def everything():
    """Every path where a package, or a service, may leave something."""
    found = set()
    for top in ("/etc", "/opt", "/root", "/run", "/srv", "/usr", "/var"):
        for directory, directories, files in os.walk(top):
            found.update(os.path.join(directory, name) for name in directories + files)
    # What dpkg, apt, systemd and the journal note for themselves.
    notes = r"/var/lib/(dpkg|apt|systemd|private)$|/var/lib/(dpkg|apt|systemd)/|/var/cache/|/var/log/|/run/(private$|systemd/|log/|udev/|lock/)"
    return {path for path in found if not re.match(notes, path)}


def install():
    """the package installs, and starts nothing"""
    global before
    before = everything()
    sh("apt-get install -y /culvert-test/culvert_*_all.deb")
    check(states("ActiveState") == ["inactive"] * 2, "a service runs")
    check(states("UnitFileState") == ["disabled"] * 2, "a service is enabled")
    check(property_of("tunnel-server.socket", "ActiveState") == "inactive", "the socket is listened on")
    return sh("tunnel-server --version")


def archives():
    """the package makes archives of its classes, and makes them anew when Java changes"""
    files = [f"/usr/lib/culvert/lib/tunnel-{agent}.jsa" for agent in AGENTS]
    check(all(map(os.path.exists, files)), "there are none")
    for file in files:
        os.remove(file)
    sh("dpkg-trigger --by-package=culvert /usr/lib/jvm")
    sh("dpkg --configure --pending")
    check(all(map(os.path.exists, files)), "they were not made anew")
    return ", ".join(f"{file} {os.path.getsize(file) >> 20} MiB" for file in files)


def server_starts():
    """the server starts with a key that root has made"""
    sh("tunnel-server keygen")
    sh("tunnel-server check")
    sh("systemctl enable --now tunnel-server")
    check(not refuses(SERVER_PORT), "the server does not listen")
    with open(f"/proc/{property_of('tunnel-server', 'MainPID')}/maps") as maps:
        check("/usr/lib/culvert/lib/tunnel-server.jsa" in maps.read(), "it does not have its archive of classes")
    return property_of("tunnel-server", "UnitFileState")


def client_starts():
    """a client whose key is made beside a running server is let in by a reload"""
    edit("/etc/culvert/client.conf", PLACEHOLDER, sh("tunnel-server keygen"))
    edit("/etc/culvert/client.conf", "# wait = 10s", "wait = 60s")  # a slow machine may need longer to start the server again
    for agent in AGENTS:  # nor may a drain be over before a slow machine has upgraded all that runs
        edit(f"/etc/culvert/{agent}.conf", "# timeout = 30s", f"timeout = {2 * PATIENCE}s")
    edit("/etc/culvert/server.conf", PLACEHOLDER, sh("tunnel-client keygen").splitlines()[-1])
    sh("tunnel-client check")
    sh("systemctl reload tunnel-server")
    sh("systemctl enable --now tunnel-client")
    wait_for("a session", lambda: "session up" in journal("tunnel-client"))
    return journal("tunnel-client", "-n 1")


def traffic():
    """bytes arrive as they were sent, both ways at once"""
    transfer = Transfer()
    transfer.goes_on()
    return transfer.end()


def status_line():
    """systemctl status tells sessions, connections and rates"""
    transfer = Transfer()
    seen = []
    for unit, words in zip(SERVICES, (r"1 sessions", r"1 of 1 sessions up")):
        line = rf'Status: "({words}, 1 connections, in \d+ .B/s, out \d+ .B/s)"'
        wait_for(f"{line} of {unit}", lambda: re.search(line, sh(f"systemctl status --no-pager --full {unit}")))
        seen.append(property_of(unit, "StatusText"))
    transfer.end()
    return "; ".join(seen)


def steering():
    """root sees and steers a running agent, nobody else does"""
    transfer = Transfer()
    for agent in AGENTS:
        check("ready" in sh(f"tunnel-{agent} status"), "status does not say that it is ready")
        check("web" in sh(f"tunnel-{agent} conns"), "conns does not have the connection")
        said = sh(f"setpriv --reuid=nobody --regid=nogroup --clear-groups tunnel-{agent} status", expect=69)
        check("nobody answers" in said, said)
    transfer.end()
    return said.splitlines()[-1]


def instances():
    """instances of both templates run beside them"""
    for agent in AGENTS:
        shutil.copyfile(f"/etc/culvert/{agent}.conf", CONFIGS[agent])
        edit(CONFIGS[agent], str(SERVER_PORT), str(SERVER_PORT + 1))
    edit(CONFIGS["client"], f'"127.0.0.1:{FORWARD_PORT}"', f'"127.0.0.1:{FORWARD_PORT + 10}"')
    sh("systemctl enable --now tunnel-server@prod tunnel-client@prod")
    transfer = Transfer(FORWARD_PORT + 10)
    wait_for("a status with the connection", lambda: " 1 connections" in property_of("tunnel-client@prod", "StatusText"))
    return transfer.end()


def drop_in(agent, name, setting):
    """Changes the service of an instance, until the machine is booted again."""
    directory = f"/run/systemd/system/tunnel-{agent}@prod.service.d"
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/{name}.conf", "w") as file:
        file.write(f"[Service]\n{setting}\n")


def restart_instances():
    sh("systemctl daemon-reload")
    sh("systemctl restart tunnel-server@prod tunnel-client@prod")
    sh("systemctl reload tunnel-server@prod tunnel-client@prod")
    Transfer(FORWARD_PORT + 10).end()


def credentials():
    """a key may come from systemd (LoadCredential), and the commands need not read it"""
    for agent in AGENTS:
        shutil.copy(f"/var/lib/culvert/{agent}.key", KEYS[agent])
        drop_in(agent, "key", f"LoadCredential={agent}.key:{KEYS[agent]}")
        section = "tls" if agent == "server" else "upstream.tls"
        with open(CONFIGS[agent], "a") as file:
            file.write(f'{section}.key-file = ${{CREDENTIALS_DIRECTORY}}"/{agent}.key"\n')
    restart_instances()
    shown = sh(f"tunnel-client -c {CONFIGS['client']} status")
    return re.search("tunnel-client .*", shown)[0]


def nothing_is_denied():
    """no system call of an agent is denied: instances that would be killed for one work"""
    for agent in AGENTS:
        drop_in(agent, "kill", "SystemCallErrorNumber=kill")
    restart_instances()
    for agent in AGENTS:
        sh(f"tunnel-{agent} -c {CONFIGS[agent]} upgrade")
    Transfer(FORWARD_PORT + 10).end()
    for agent in AGENTS:
        with open(f"/proc/{property_of(f'tunnel-{agent}@prod', 'MainPID')}/status") as file:
            check("Seccomp:\t2" in file.read(), "its system calls are not filtered")
        check(property_of(f"tunnel-{agent}@prod", "NRestarts") == "0", "an instance was restarted")
    return "they are filtered, and none of both died"


def block(beginning):
    """What operations.md shows below this comment."""
    with open("/culvert-test/operations.md") as page:
        return re.search(rf"```\n# {beginning}.*?\n(.*?)```", page.read(), re.S)[1]


def answer(listening):
    """Answers a request as a web server does."""
    listening.settimeout(PATIENCE)
    connection, _ = listening.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nan answer")


def shared_sockets():
    """a group gets to the unix sockets of forwards, and an agent to that of a target, with what docs/operations.md says; others do not"""
    with open("/etc/tmpfiles.d/app.conf", "w") as file:
        file.write(block("/etc/tmpfiles.d/app.conf"))
    sh("systemd-tmpfiles --create app.conf")
    target = "/srv/target.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(target)
    listening.listen()
    shutil.chown(target, group="www-data")
    os.chmod(target, 0o660)
    for agent in AGENTS:
        drop_in(agent, "app", block("systemctl edit tunnel-client") + "SystemCallFilter=@chown")
        shutil.copyfile(CONFIGS[agent], f"/root/{agent}.conf")
    edit(CONFIGS["server"], f'"127.0.0.1:{TARGET_PORT}"', f'"127.0.0.1:{TARGET_PORT}", "unix:{target}"')
    with open(CONFIGS["client"], "a") as file:
        file.write(f'forwards.app {{ listen = "unix:/run/app/app.sock", target = "unix:{target}" }}\n')
        file.write(f'forwards.own {{ listen = "unix:/run/app/own.sock", group = "www-data", target = "unix:{target}" }}\n')
    restart_instances()
    for name in "app", "own":
        curl = f"curl -sS --max-time {PATIENCE} --unix-socket /run/app/{name}.sock http://{name}"
        answered = POOL.submit(answer, listening)
        said = sh(f"setpriv --reuid=www-data --regid=www-data --clear-groups {curl}")
        check(said == "an answer", said)
        answered.result(PATIENCE)
        sh(f"setpriv --reuid=nobody --regid=nogroup --clear-groups {curl}", expect=7)
    seen = sh("ls -l /run/app/*.sock")
    listening.close()
    for agent in AGENTS:
        os.remove(f"/run/systemd/system/tunnel-{agent}@prod.service.d/app.conf")
        shutil.move(f"/root/{agent}.conf", CONFIGS[agent])
    restart_instances()
    os.remove(target)
    os.remove("/etc/tmpfiles.d/app.conf")
    os.rmdir("/run/app")
    return re.search(r"srw.*", seen)[0]


def reload_adds():
    """a reload adds a forward, and a connection on another one goes on"""
    check(refuses(FORWARD_PORT + 1), "the new forward is there before")
    pids = states("MainPID")
    transfer = Transfer()
    transfer.goes_on()
    with open("/etc/culvert/client.conf", "a") as file:
        file.write(f'forwards.more {{ listen = "127.0.0.1:{FORWARD_PORT + 1}", target = "127.0.0.1:{TARGET_PORT}" }}\n')
    sh("systemctl reload tunnel-client")
    transfer.goes_on()
    new = Transfer(FORWARD_PORT + 1)
    new.goes_on()
    check(states("MainPID") == pids, "an agent is another process now")
    return f"{transfer.end()} on the old one, {new.end()} on the new one"


def reload_refuses():
    """a reload of a wrong file fails, says why, and changes nothing"""
    pids = states("MainPID")
    transfer = Transfer()
    transfer.goes_on()
    shutil.copyfile("/etc/culvert/client.conf", "/root/client.conf")
    with open("/etc/culvert/client.conf", "a") as file:
        file.write(f'forwards.wrong {{ listen = "127.0.0.1:{FORWARD_PORT + 2}", taget = "127.0.0.1:{TARGET_PORT}" }}\n')
    sh("systemctl reload tunnel-client", expect=1)
    why = re.search(r".*/etc/culvert/client\.conf.*taget.*", journal("tunnel-client"))
    check(why, "the journal does not say why")
    check(refuses(FORWARD_PORT + 2), "the forward of the wrong file is there")
    Transfer(FORWARD_PORT + 1).end()
    transfer.goes_on()
    check(states("MainPID") == pids and states("ActiveState") == ["active"] * 2, "an agent does not run as it did")
    shutil.move("/root/client.conf", "/etc/culvert/client.conf")
    sh("systemctl reload tunnel-client")
    transfer.end()
    return why[0].strip()


def stop_drains():
    """a stop drains: what is being transferred arrives, and the result is success"""
    seen = []
    for unit in SERVICES:
        transfer = Transfer()
        transfer.goes_on()
        sh(f"systemctl stop --no-block {unit}")
        wait_for(f"{unit} drains", lambda: "draining: 1 connections left" in property_of(unit, "StatusText"))
        transfer.goes_on()
        check(property_of(unit, "ActiveState") == "deactivating", f"{unit} is not about to stop")
        seen.append(f"{unit} {transfer.end()}")
        wait_for(f"{unit} stops", lambda: property_of(unit, "ActiveState") == "inactive")
        check(property_of(unit, "Result") == "success", f"the result of {unit} is {property_of(unit, 'Result')}")
        check(property_of(unit, "ExecMainStatus") == "0", f"{unit} had to cut something off")
        sh(f"systemctl start {unit}")
        Transfer().end()
    return ", ".join(seen)


class Attempts:
    """Connects to the server's port so often a second."""

    OFTEN = 500

    def __init__(self, often=OFTEN):
        self.pause = 1 / often

    def __enter__(self):
        self.made = 0
        self.refused = 0
        self.over = threading.Event()
        self.work = POOL.submit(self.run)
        return self

    def run(self):
        while not self.over.wait(self.pause):
            self.made += 1
            self.refused += refuses(SERVER_PORT)

    def __exit__(self, *_):
        self.over.set()
        self.work.result(PATIENCE)


def is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


def all_go_on(transfers):
    list(POOL.map(lambda transfer: transfer.goes_on(2 * Transfer.BLOCK), transfers))


def upgrade_all(upgrade, often=Attempts.OFTEN, many=100):
    """
    Has all that runs be upgraded, while connections are made, so often a second, and many transfers go on; returns what was seen.
    """
    old = states("MainPID")
    begun = states("ActiveEnterTimestampMonotonic")
    transfers = [Transfer(pause=Transfer.MANY) for _ in range(many)]
    all_go_on(transfers)
    with Attempts(often) as attempts:
        work = POOL.submit(upgrade)
        made = 0
        while not work.done() or made == 0:
            Transfer().end()
            made += 1
        work.result()
        new = states("MainPID")
        check(not set(old) & set(new), "a service has the main process that it had before")
        check(all(is_alive(pid) for pid in old), "a process did not drain, although a connection was open")
        Transfer().end()
    check(attempts.made > 100, f"there were only {attempts.made} attempts to connect")
    check(attempts.refused == 0, f"{attempts.refused} of {attempts.made} were refused")
    all_go_on(transfers)
    list(POOL.map(Transfer.end, transfers))
    wait_for("the old processes end", lambda: not any(is_alive(pid) for pid in old))
    check(states("MainPID") == new, "another process is the main one now")
    check(states("ActiveState") == ["active"] * 2 and states("SubState") == ["running"] * 2, "a service does not run")
    check(states("ActiveEnterTimestampMonotonic") == begun, "a service was stopped meanwhile")
    Transfer().end()
    for unit in SERVICES:
        for words in "Supervising process", "Got notification message", "refusing":
            check(words not in journal(unit), f"systemd says of {unit}: {words}")
    return f"{attempts.made} attempts, 0 refused, {made} connections during it, {len(transfers)} transfers went on"


def no_gap():
    """an upgrade has a new main process at once: nobody is refused, nothing is cut off, and the old one drains"""

    def upgrade():
        for agent, old in zip(AGENTS, states("MainPID")):
            said = sh(f"tunnel-{agent} upgrade")
            new = property_of(f"tunnel-{agent}", "MainPID")
            check(said == f"pid {new} has taken over, pid {old} drains", said)
            check(f"pid {new}, ready" in sh(f"tunnel-{agent} status"), "another process is asked than the main one")

    return upgrade_all(upgrade)


def no_gap_with_the_socket():
    """the same where the socket unit holds the port"""
    return no_gap()


def wrong_upgrade():
    """an upgrade with a wrong file says why, and changes nothing"""
    pids = states("MainPID")
    shutil.copyfile("/etc/culvert/server.conf", "/root/server.conf")
    with open("/etc/culvert/server.conf", "a") as file:
        file.write("lisen = 1\n")
    said = sh("tunnel-server upgrade", expect=1)
    check("not upgraded, nothing has changed" in said and "lisen: unknown key" in said, said)
    shutil.move("/root/server.conf", "/etc/culvert/server.conf")
    check(states("MainPID") == pids, "a service has another main process")
    Transfer().end()
    return said.splitlines()[-1]


def stop_in_upgrade():
    """a stop in the middle of an upgrade waits for both processes, and the result is success"""
    transfer = Transfer()
    transfer.goes_on()
    old = property_of("tunnel-client", "MainPID")
    sh("tunnel-client upgrade")
    sh("systemctl stop --no-block tunnel-client")
    wait_for("it stops", lambda: property_of("tunnel-client", "ActiveState") == "deactivating")
    wait_for("the new one drains", lambda: "draining" in property_of("tunnel-client", "StatusText"))
    transfer.goes_on()
    check(is_alive(old), "the old process has gone")
    carried = transfer.end()
    wait_for("it stops", lambda: property_of("tunnel-client", "ActiveState") == "inactive")
    check(property_of("tunnel-client", "Result") == "success", property_of("tunnel-client", "Result"))
    sh("systemctl start tunnel-client")
    Transfer().end()
    return f"{carried} on the old one"


def restart_server():
    """Returns the attempts to connect to it meanwhile."""
    pid = property_of("tunnel-server", "MainPID")
    with Attempts() as attempts:
        sh("systemctl restart tunnel-server")
    check(property_of("tunnel-server", "MainPID") != pid, "it is the same process")
    check(attempts.made > 100, f"there were only {attempts.made} attempts to connect")
    return attempts


def socket_refuses_nobody():
    """with the socket unit, a restart of the server refuses nobody; the tunnel drains, and who comes meanwhile gets through"""
    without = restart_server()
    check(without.refused, "nobody was refused without the socket unit: this could not show anything")
    sh("systemctl stop tunnel-server")
    sh("systemctl enable --now tunnel-server.socket")
    sh("systemctl start tunnel-server")
    before_it = Transfer()
    before_it.goes_on()
    no_more = "takes no new connections"
    known = journal("tunnel-client").count(no_more)
    restart = POOL.submit(restart_server)
    wait_for("the client hears of it", lambda: journal("tunnel-client").count(no_more) > known)
    meanwhile = POOL.submit(Transfer)
    before_it.goes_on()
    before_it.end()
    attempts = restart.result(PATIENCE)
    check(attempts.refused == 0, f"{attempts.refused} of {attempts.made} were refused")
    meanwhile.result(PATIENCE).end()
    Transfer().end()
    return f"{attempts.made} attempts, 0 refused ({without.refused} of {without.made} without it)"


def locked_in():
    """systemd-analyze security gives no service more than 1.5, running or offline"""
    running = SERVICES + ["tunnel-server@prod.service", "tunnel-client@prod.service"]
    files = sorted(glob.glob("/lib/systemd/system/tunnel-*.service"))
    check(len(files) == 4, f"there are other units than expected: {files}")
    seen = []
    for what in running + [f"--offline=true {file}" for file in files]:
        said = sh(f"systemd-analyze security --no-pager --threshold=15 {what}")
        seen.append(re.search(r"Overall exposure level for .*: (\d\.\d)", said)[1])
    return " ".join(seen)


def no_errors():
    """the journal has no error of a service but the reload that had to fail, and nothing that the JVM may not do"""
    for unit in "tunnel-server", "tunnel-client", "tunnel-server@prod", "tunnel-client@prod":
        check("istening on" in journal(unit), f"the journal has nothing of {unit}")
    errors = journal("tunnel-*", "-p err")
    check(re.fullmatch("Reload failed for tunnel-client.service.*", errors), errors)
    denied = r"(?i).*(not permitted|permission denied|seccomp|SIGSYS|VM warning|core.?dump|AccessDenied|UnsatisfiedLink).*"
    found = re.findall(denied, journal("tunnel-*"))
    check(not found, found)
    return f"{len(journal('tunnel-*').splitlines())} lines"


PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207  # ptrace(2)
WALL = 0x40000000  # waitpid(2): threads, too
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def stop_a_loop(pid):
    """Stops one event loop of an agent, as a debugger does, and nothing else of it. Returns its thread id and its name."""
    for task in sorted(glob.glob(f"/proc/{pid}/task/*")):
        with open(f"{task}/comm") as comm:
            name = comm.read().strip()
        if re.fullmatch(r"(server|client)-\d+-\d+", name):
            tid = int(os.path.basename(task))
            for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
                if libc.ptrace(request, tid, None, None) != 0:
                    raise OSError(ctypes.get_errno(), "ptrace")
            return tid, name
    raise Failed("no event loop among the threads")


def watchdog():
    """an event loop that is stuck is named in the log, and the watchdog restarts the service"""
    check(states("NRestarts") == ["0", "0"], "a service was restarted before")
    loops = [stop_a_loop(int(pid)) for pid in states("MainPID")]
    for unit, (_, name) in zip(SERVICES, loops):
        stuck = rf"an event loop is stuck, its connections with it: {name}\n\s*at .*\n\s*at .*"
        wait_for(f"the journal names {name} with its stack", lambda: re.search(stuck, journal(unit)))

    def restarted():
        for tid, _ in loops:
            try:
                os.waitpid(tid, os.WNOHANG | WALL)  # who traces a thread has to take note of its end, else the process stays
            except ChildProcessError:
                pass  # it has
        return states("NRestarts") == ["1", "1"] and states("ActiveState") == ["active"] * 2

    wait_for("both are restarted", restarted)
    for unit in SERVICES:
        check("Failed with result 'watchdog'" in journal(unit), f"{unit} was not restarted by the watchdog")
    Transfer().end()
    return " and ".join(name for _, name in loops)


REINSTALL = "apt-get install -y --reinstall /culvert-test/culvert_*_all.deb"


def package_upgrade():
    """an upgrade of the package has what runs be replaced without a gap, starts nothing else, and keeps the configuration"""
    sh("systemctl stop tunnel-client@prod")
    pid = property_of("tunnel-server@prod", "MainPID")
    # It starts Java some twenty times beside that.
    seen = upgrade_all(lambda: sh(REINSTALL, patience=3 * PATIENCE), often=50, many=20)
    check(property_of("tunnel-server@prod", "MainPID") != pid, "an instance runs what was there before")
    check(property_of("tunnel-server@prod", "ActiveState") == "active", "an instance does not run any more")
    check(property_of("tunnel-client@prod", "ActiveState") == "inactive", "a service was started that did not run")
    Transfer(FORWARD_PORT + 1).end()
    return seen


def wrong_files():
    """an upgrade of the package leaves agents alone whose files are wrong by now, and says what is wrong and what to do then"""
    with open(CONFIGS["server"], "a") as file:
        file.write("admin.listen = off\n")  # so this one cannot be asked
    sh("systemctl restart tunnel-server@prod")
    units = ("tunnel-client", "tunnel-server@prod")
    pids = [property_of(unit, "MainPID") for unit in units]
    wrong = {"/etc/culvert/client.conf": "forwards {\n", CONFIGS["server"]: "lisen = 1\n"}
    for path, line in wrong.items():
        shutil.copyfile(path, f"/root/{os.path.basename(path)}")
        with open(path, "a") as file:
            file.write(line)
    said = sh(REINSTALL, patience=3 * PATIENCE)
    for path, unit, remedy in (
        ("/etc/culvert/client.conf", units[0], "tunnel-client -c /etc/culvert/client.conf upgrade"),
        (CONFIGS["server"], units[1], "systemctl restart tunnel-server@prod.service"),
    ):
        check(re.search(rf"{path}:\d+: .*\n{unit}\.service still runs the version from before; .*{remedy}", said), said)
        shutil.move(f"/root/{os.path.basename(path)}", path)
    check([property_of(unit, "MainPID") for unit in units] == pids, "an agent is another process now")
    Transfer().end()
    return re.search(r".*still runs.*", said)[0]


def restart_of_mute_agents():
    """agents that cannot be asked are restarted by an upgrade of the package, also where systemd has their keys"""
    with open("/etc/culvert/client.conf", "a") as file:
        file.write("admin.listen = off\n")
    sh("systemctl restart tunnel-client")
    units = ("tunnel-client", "tunnel-server@prod")
    pids = [property_of(unit, "MainPID") for unit in units]
    sh(REINSTALL, patience=3 * PATIENCE)
    for unit, pid in zip(units, pids):
        check(property_of(unit, "MainPID") != pid, f"{unit} runs what was there before")
        check(property_of(unit, "ActiveState") == "active", f"{unit} does not run any more")
    Transfer().end()
    return sh("tunnel-client --version")


def purge():
    """a purge stops the services and leaves what others have made"""
    pids = states("MainPID")
    check({"/var/lib/private/culvert/server.key", "/etc/culvert/client.conf"} <= everything(), "looked in the wrong places")
    sh("apt-get purge -y culvert")
    check(not any(os.path.exists(f"/proc/{pid}") for pid in pids), "a service still runs")
    after = everything()
    others = {"/etc/culvert", *CONFIGS.values(), *KEYS.values()}
    check(after - before == others, f"left, or gone: {sorted((after - before) ^ others)}")
    check(not before - after, f"gone: {sorted(before - after)}")
    units = sh("systemctl list-units --all --plain --no-legend 'tunnel-*'")
    check(not units, units)
    return ", ".join(sorted(others))


CHECKS = [
    install,
    archives,
    server_starts,
    client_starts,
    traffic,
    status_line,
    steering,
    instances,
    credentials,
    nothing_is_denied,
    shared_sockets,
    reload_adds,
    reload_refuses,
    stop_drains,
    no_gap,
    wrong_upgrade,
    stop_in_upgrade,
    socket_refuses_nobody,
    no_gap_with_the_socket,
    locked_in,
    no_errors,
    watchdog,
    package_upgrade,
    wrong_files,
    restart_of_mute_agents,
    purge,
]


def main():
    for number, run in enumerate(CHECKS):
        try:
            print(f"ok  {run.__doc__}: {run()}")
        except Exception as e:  # one that breaks has failed, too
            print(f"FAILED  {run.__doc__}: {e if isinstance(e, Failed) else repr(e)}")
            print(journal("tunnel-*", "-n 60"))
            print(f"{number} passed, 1 failed, {len(CHECKS) - number - 1} skipped")
            os._exit(1)  # with threads that may hang
    print(f"{len(CHECKS)} passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    main()
