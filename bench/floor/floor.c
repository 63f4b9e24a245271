/*
 * The least that a tunnel over one connection costs: what this machine leaves for any of them.
 *
 *     floor server ADDRESS:PORT
 *     floor client ADDRESS:PORT ADDRESS:PORT=TARGET ...
 *
 * One thread, level-triggered epoll, one write to the session an iteration. There are no windows, no limits, no resuming, no
 * encryption and no log: one reader that is slow stops everybody, which is why nobody should use it. A frame is eight bytes, the
 * number of the connection and the length of what follows, as the machine stores them. The first frame of a connection has the
 * address of its target; one without bytes is its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 65536, FORWARDS = 16, EVENTS = 512, READ = 256 << 10, BATCH = 512 << 10, HEADER = 8 };

struct header {
    uint32_t connection;
    uint32_t length;
};

static int epoll, session;
static char batch[BATCH + HEADER], from_session[READ];
static size_t batched, received;
static int socket_of[CONNECTIONS], ended[CONNECTIONS];
static uint32_t connection_of[CONNECTIONS]; /* by socket; 0: none */
static int listeners[FORWARDS];
static struct sockaddr_in targets[FORWARDS];
static uint32_t connections;

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) err(1, "epoll_ctl");
}

static struct sockaddr_in address_of(char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strchr(text, ':');
    if (!colon) errx(2, "%s: expected ADDRESS:PORT", text);
    *colon = 0;
    address.sin_port = htons((uint16_t) atoi(colon + 1));
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) errx(2, "%s: no address of IPv4", text);
    return address;
}

/* Over loopback without BBR, which has a timer behind each packet: Culvert does the same. */
static int tcp(struct sockaddr_in address) {
    int one = 1, loopback = ntohl(address.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) err(1, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (loopback) setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    return fd;
}

static int listen_at(struct sockaddr_in address) {
    int fd = tcp(address);
    if (bind(fd, (struct sockaddr *) &address, sizeof address) || listen(fd, 4096)) err(1, "listen");
    return fd;
}

static int connect_to(struct sockaddr_in address) {
    int fd = tcp(address);
    if (connect(fd, (struct sockaddr *) &address, sizeof address)) err(1, "connect");
    return fd;
}

static void write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (written < 0) {
            return; /* the connection is gone, which its reader finds out */
        } else {
            bytes += written;
            length -= (size_t) written;
        }
    }
}

static void flush(void) {
    write_all(session, batch, batched);
    batched = 0;
}

/* Where the bytes of the next frame go, at least so many of them. */
static char *room(size_t length) {
    if (batched + HEADER + length > BATCH) flush();
    return batch + batched + HEADER;
}

static void frame(uint32_t connection, size_t length) {
    struct header header = {connection, (uint32_t) length};
    memcpy(batch + batched, &header, HEADER);
    batched += HEADER + length;
}

static void keep(uint32_t connection, int fd) {
    if (fd >= CONNECTIONS || connection >= CONNECTIONS) errx(1, "too many connections");
    socket_of[connection] = fd;
    ended[connection] = 0;
    connection_of[fd] = connection;
    watch(fd);
}

/* After the end of both directions, whichever came first. */
static void end(uint32_t connection) {
    if (++ended[connection] == 2) {
        connection_of[socket_of[connection]] = 0;
        close(socket_of[connection]);
        socket_of[connection] = 0;
    }
}

static void accept_from(int forward) {
    int fd = accept4(listeners[forward], NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    do {
        connections = connections + 1 < CONNECTIONS ? connections + 1 : 1;
    } while (socket_of[connections]);
    memcpy(room(sizeof targets[0]), &targets[forward], sizeof targets[0]);
    frame(connections, sizeof targets[0]);
    keep(connections, fd);
}

static void read_local(int fd) {
    uint32_t connection = connection_of[fd];
    ssize_t count = recv(fd, room(READ), READ, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    frame(connection, count > 0 ? (size_t) count : 0);
    if (count <= 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        end(connection);
    }
}

static void take(struct header header, const char *bytes) {
    uint32_t connection = header.connection;
    if (connection >= CONNECTIONS) errx(1, "not a frame");
    if (!socket_of[connection] && header.length == sizeof targets[0]) {
        struct sockaddr_in target;
        memcpy(&target, bytes, sizeof target);
        keep(connection, connect_to(target));
    } else if (header.length > 0) {
        write_all(socket_of[connection], bytes, header.length);
    } else {
        shutdown(socket_of[connection], SHUT_WR);
        end(connection);
    }
}

static void read_session(void) {
    ssize_t count = recv(session, from_session + received, READ - received, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) errx(1, "the session has ended");
    received += (size_t) count;
    size_t taken = 0;
    struct header header;
    while (received - taken >= HEADER) {
        memcpy(&header, from_session + taken, HEADER);
        size_t have = received - taken - HEADER;
        if (have < header.length) {
            if (have == 0 || header.length <= 64) break;
            header.length = (uint32_t) have; /* what is here of it goes on, and the rest becomes a frame of its own */
            struct header rest;
            memcpy(&rest, from_session + taken, HEADER);
            rest.length -= header.length;
            take(header, from_session + taken + HEADER);
            memcpy(from_session, &rest, HEADER);
            received = HEADER;
            return;
        }
        take(header, from_session + taken + HEADER);
        taken += HEADER + header.length;
    }
    received -= taken;
    memmove(from_session, from_session + taken, received);
}

static int forward_of(int fd) {
    for (int i = 0; i < FORWARDS; i++) {
        if (listeners[i] == fd) return i;
    }
    return -1;
}

int main(int argc, char **argv) {
    if (argc < 3) errx(2, "usage: floor server ADDRESS:PORT | floor client ADDRESS:PORT ADDRESS:PORT=TARGET ...");
    struct sockaddr_in server = address_of(argv[2]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!strcmp(argv[1], "server")) {
        int one = 1, listener = listen_at(server);
        session = accept(listener, NULL, NULL);
        setsockopt(session, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    } else {
        session = connect_to(server);
        for (int i = 0; i + 3 < argc && i < FORWARDS; i++) {
            char *equals = strchr(argv[i + 3], '=');
            if (!equals) errx(2, "%s: expected ADDRESS:PORT=TARGET", argv[i + 3]);
            *equals = 0;
            targets[i] = address_of(equals + 1);
            listeners[i] = listen_at(address_of(argv[i + 3]));
            watch(listeners[i]);
        }
    }
    watch(session);
    while (1) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd, forward = forward_of(fd);
            if (fd == session) {
                read_session();
            } else if (forward >= 0) {
                accept_from(forward);
            } else if (connection_of[fd]) {
                read_local(fd);
            }
        }
        flush();
    }
}
