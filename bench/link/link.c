/*
 * A network link: carries IP packets between two TUN devices, each in a network namespace of its own, at a rate, with a delay,
 * a queue that overflows, random loss, jitter and reordering. For kernels without netem, and for reading what such a link does to TCP.
 *
 *                 .---------.     .--------------------.     .----------------------.     .-------.
 *   TUN in A ---> |  loss?  | --> | queue, at the RATE | --> | on the way for RTT/2 | --> | write | ---> TUN in B
 *                 '---------'     '--------------------'     '----------------------'     '-------'
 *
 * and the same from B to A. There is no queue to be found below: when a packet is read, it is known already when the sender is
 * done with those before it, thus how many bytes wait, and when this packet will come out at the other end. So a direction is a
 * ring of packets in the order of their due times, and one number, the time at which the sender is free again.
 *
 * Jitter is time that a packet takes in addition, and those behind it wait for it. With reordering, a packet that is about to be
 * written is held back now and then, until a few have overtaken it or a moment has passed.
 *
 * A byte is a byte of an IP packet: there are no Ethernet headers, preambles and gaps on this link.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "link0"
#define MTU 1500
#define SECOND UINT64_C(1000000000) /* times are in nanoseconds */

/*
 * After a pass that moved packets, the link rests for 200 us, as a network card moderates its interrupts: at 1 Gbit/s a packet
 * comes every 12 us, and to wake up for each costs more than to move it. So on a busy link a packet can be late by this much
 * when it is read and again when it is written; on an idle one it is on time.
 */
#define REST (SECOND / 5000)

/* Packets read from one device in a pass: bounds how long those that are due on the other side have to wait. */
#define BATCH 256

/* With --queue auto: the longest time that a packet waits in the queue, and the shortest queue. */
#define QUEUE_TIME (SECOND / 50)
#define QUEUE_MIN (64 << 10)

/* How many packets overtake one that is held back, if so many come within that time: more than the three that TCP waits for. */
#define OVERTAKING 5
#define HOLD (SECOND / 50)

struct settings {
    double rate;  /* bits a second */
    double rtt;   /* nanoseconds */
    double loss;  /* 0 to 1 */
    double jitter;  /* nanoseconds, at most, in each direction */
    double reorder; /* 0 to 1 */
    double queue; /* bytes; below zero: auto */
    uint64_t seed;
};

struct packet {
    uint64_t due;
    size_t length;
    unsigned char bytes[MTU + 1]; /* in the ring a packet takes what it needs; one byte more shows a packet that is too long */
};

struct direction {
    const char *from, *to; /* namespaces */
    int in, out;

    double rate, queue;
    uint64_t delay, free_at; /* free_at: when the last bit of the last packet is sent */
    uint64_t lose_below, random;
    uint64_t jitter, last_due, hold_below;
    struct packet held; /* without a length there is none */
    int overtaking;

    unsigned char *ring; /* a packet begins below size and may run over it, into the spare room for one more packet */
    size_t size, head, tail, count;

    uint64_t packets, bytes, lost, overflowed, refused, overtaken;
};

static volatile sig_atomic_t stopping, reporting;

static void on_signal(int signal) {
    if (signal == SIGUSR1)
        reporting = 1;
    else
        stopping = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("link: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* splitmix64, which takes any seed. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* ---- the link ---- */

/* A namespace is entered by the thread, and a TUN device belongs to the one where its file was opened, for good. */
static int open_device(const char *namespace) {
    char path[256];
    if ((size_t)snprintf(path, sizeof path, "/var/run/netns/%s", namespace) >= sizeof path)
        die("The name of the namespace %s is too long.", namespace);
    int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0 || setns(netns, CLONE_NEWNET) < 0)
        die("Cannot enter the namespace %s: %s. Run as root, after 'ip netns add %s'.", path, strerror(errno), namespace);
    close(netns);

    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0)
        die("Cannot open /dev/net/tun: %s. Load the module tun; in a container, pass the device on to it.", strerror(errno));
    struct ifreq request = {.ifr_name = DEVICE, .ifr_flags = IFF_TUN | IFF_NO_PI};
    if (ioctl(device, TUNSETIFF, &request) < 0)
        die("Cannot attach to the device " DEVICE " in %s: %s. Does another process have it?", namespace, strerror(errno));
    return device;
}

static void set_up(struct direction *link, const struct settings *settings, uint64_t seed) {
    link->rate = settings->rate;
    link->queue = settings->queue;
    link->delay = (uint64_t)(settings->rtt / 2);
    link->random = seed;
    link->lose_below = (uint64_t)ldexp(settings->loss, 63);
    link->hold_below = (uint64_t)ldexp(settings->reorder, 63);
    link->jitter = (uint64_t)settings->jitter;

    /* What is queued and on the way, twice, as the smallest IP packet, of 20 bytes, takes 40 here; and what is read late. */
    double full = settings->queue + settings->rate / 8 * (double)(link->delay + link->jitter) / SECOND;
    link->size = (size_t)(2 * full) + (1 << 20);
    link->ring = mmap(NULL, link->size + sizeof(struct packet), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (link->ring == MAP_FAILED)
        die("Cannot get %zu MB of memory for the packets on the way: %s.", link->size >> 20, strerror(errno));
}

static size_t after(const struct direction *link, size_t position, const struct packet *packet) {
    position += (offsetof(struct packet, bytes) + packet->length + 7) & ~(size_t)7; /* the next one is aligned too */
    return position < link->size ? position : 0;
}

static bool full(const struct direction *link) {
    return link->count > 0 && link->tail <= link->head && link->head - link->tail < sizeof(struct packet);
}

/* What happens to a packet that comes now: true if it is on its way, false if it is dropped. */
static bool send_packet(struct direction *link, struct packet *packet) {
    if (next_random(&link->random) >> 1 < link->lose_below) {
        link->lost++;
        return false;
    }
    uint64_t time = now(), start = link->free_at > time ? link->free_at : time;
    double waiting = (double)(start - time) * link->rate / 8 / SECOND;
    if (waiting + (double)packet->length > link->queue || full(link)) {
        link->overflowed++;
        return false;
    }
    link->free_at = start + (uint64_t)((double)packet->length * 8 * SECOND / link->rate);
    packet->due = link->free_at + link->delay;
    if (link->jitter > 0) {
        packet->due += next_random(&link->random) % (link->jitter + 1);
        if (packet->due < link->last_due)
            packet->due = link->last_due;
        link->last_due = packet->due;
    }
    return true;
}

/* Reads what the device has, at most a batch, straight into the ring. */
static size_t receive(struct direction *link) {
    static struct packet spare; /* a full ring drops packets, it does not leave them in the device */
    size_t packets = 0;
    while (packets < BATCH) {
        struct packet *packet = full(link) ? &spare : (struct packet *)(link->ring + link->tail);
        ssize_t length = read(link->in, packet->bytes, sizeof packet->bytes);
        if (length < 0 && errno == EAGAIN)
            break;
        if (length <= 0)
            die("Cannot read from " DEVICE " in %s: %s.", link->from, length ? strerror(errno) : "it is at its end");
        if (length > MTU)
            die("A packet from " DEVICE " in %s is longer than %d bytes. Set the MTU of the device to that.", link->from, MTU);
        packets++;
        packet->length = (size_t)length;
        if (send_packet(link, packet)) {
            link->tail = after(link, link->tail, packet);
            link->count++;
        }
    }
    return packets;
}

static const struct packet *first(const struct direction *link) {
    return link->count ? (const struct packet *)(link->ring + link->head) : NULL;
}

/* The kernel takes a packet as far as to TCP within the write, so its answer can be read next. */
static void write_packet(struct direction *link, const struct packet *packet) {
    if (write(link->out, packet->bytes, packet->length) == (ssize_t)packet->length) {
        link->packets++;
        link->bytes += packet->length;
    } else if (errno == EIO || errno == ENOMEM || errno == ENOBUFS || errno == EAGAIN) {
        link->refused++; /* the device is down, or memory is short: a network card would lose the packet as well */
    } else {
        die("Cannot write to " DEVICE " in %s: %s.", link->to, strerror(errno));
    }
}

static bool holds(const struct direction *link) {
    return link->held.length > 0;
}

static void hold_back(struct direction *link, const struct packet *packet) {
    memcpy(&link->held, packet, offsetof(struct packet, bytes) + packet->length);
    link->overtaking = 0;
}

static void release(struct direction *link) {
    write_packet(link, &link->held);
    link->held.length = 0;
    if (link->overtaking > 0)
        link->overtaken++;
}

/* Writes the packets that are due. */
static size_t deliver(struct direction *link, uint64_t time) {
    size_t packets = 0;
    for (const struct packet *packet; (packet = first(link)) && packet->due <= time; packets++) {
        if (link->hold_below > 0 && !holds(link) && next_random(&link->random) >> 1 < link->hold_below) {
            hold_back(link, packet);
        } else {
            write_packet(link, packet);
            if (holds(link) && ++link->overtaking == OVERTAKING)
                release(link);
        }
        link->head = after(link, link->head, packet);
        link->count--;
    }
    if (holds(link) && link->held.due + HOLD <= time)
        release(link);
    return packets;
}

/* When there is something to write next. */
static uint64_t next_due(const struct direction *link) {
    uint64_t due = first(link) ? first(link)->due : UINT64_MAX;
    return holds(link) && link->held.due + HOLD < due ? link->held.due + HOLD : due;
}

static void report(const struct direction *link) {
    printf("%s to %s: %" PRIu64 " packets with %" PRIu64 " bytes arrived, %" PRIu64 " dropped by the queue, %" PRIu64
           " dropped by loss, %" PRIu64 " overtaken, %" PRIu64 " refused by the kernel, %zu on the way\n",
           link->from, link->to, link->packets, link->bytes, link->overflowed, link->lost, link->overtaken, link->refused,
           link->count);
    fflush(stdout);
}

static void run(struct direction *there, struct direction *back) {
    /* Signals come only while the link waits: none can slip in between the look at its flag and the wait. */
    sigset_t none, ours;
    sigemptyset(&none);
    sigemptyset(&ours);
    const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaddset(&ours, signals[i]);
        sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
    }
    sigprocmask(SIG_BLOCK, &ours, NULL);

    struct pollfd devices[] = {{.fd = there->in, .events = POLLIN}, {.fd = back->in, .events = POLLIN}};
    while (!stopping) {
        uint64_t time = now();
        size_t moved = deliver(there, time) + deliver(back, time);
        moved += receive(there) + receive(back);

        /* Until a packet is due or comes; or, to rest, for a fixed time, with an eye on nothing. */
        uint64_t until = next_due(there) < next_due(back) ? next_due(there) : next_due(back);
        time = now();
        uint64_t wait = moved ? REST : until > time ? until - time : 0;
        struct timespec timeout = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
        bool forever = !moved && until == UINT64_MAX;
        if (ppoll(devices, moved ? 0 : 2, forever ? NULL : &timeout, &none) < 0 && errno != EINTR)
            die("Cannot wait for packets: %s.", strerror(errno));

        if (reporting || stopping) {
            reporting = 0;
            report(there);
            report(back);
        }
    }
}

/* ---- the command line ---- */

struct unit {
    const char *name;
    double factor;
};

static double parse(const char *option, const char *text, double min, double max, const struct unit *units,
                    const char *example) {
    char *end;
    double value = strtod(text, &end);
    const struct unit *unit = units;
    while (unit->name && strcmp(unit->name, end) != 0)
        unit++;
    value *= unit->factor;
    if (end == text || !unit->name || !(value >= min && value <= max)) /* so put that a NaN is refused too */
        die("--%s %s is not a value for it, or out of its range; write it like %s.", option, text, example);
    return value;
}

static struct settings parse_all(int argc, char **argv) {
    static const struct unit rates[] = {{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {NULL, 0}};
    static const struct unit times[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {NULL, 0}};
    static const struct unit shares[] = {{"%", 0.01}, {NULL, 0}};
    static const struct unit sizes[] = {{"", 1}, {NULL, 0}};
    static const struct option options[] = {
        {"rate", required_argument, NULL, 'r'}, {"rtt", required_argument, NULL, 't'},  {"loss", required_argument, NULL, 'l'},
        {"jitter", required_argument, NULL, 'j'}, {"reorder", required_argument, NULL, 'o'},
        {"queue", required_argument, NULL, 'q'}, {"seed", required_argument, NULL, 's'}, {NULL, 0, NULL, 0},
    };
    struct settings settings = {.rate = 0, .rtt = -1, .loss = 0, .queue = -1, .seed = 1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'r':
            settings.rate = parse("rate", optarg, 64e3, 10e9, rates, "100mbit, from 64kbit to 10gbit");
            break;
        case 't':
            settings.rtt = parse("rtt", optarg, 0, 2e9, times, "20ms, up to 2s");
            break;
        case 'l':
            settings.loss = parse("loss", optarg, 0, 1, shares, "0.1%");
            break;
        case 'j':
            settings.jitter = parse("jitter", optarg, 0, 2e9, times, "20ms, up to 2s");
            break;
        case 'o':
            settings.reorder = parse("reorder", optarg, 0, 1, shares, "1%");
            break;
        case 'q':
            if (strcmp(optarg, "auto") != 0)
                settings.queue = parse("queue", optarg, MTU, 1 << 30, sizes, "250000, which is bytes, or auto");
            break;
        case 's':
            settings.seed = (uint64_t)parse("seed", optarg, 0, 1e15, sizes, "1");
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 2 || settings.rate == 0 || settings.rtt < 0)
        die("usage: culvert-link --rate 1gbit --rtt 100ms [--loss 0.1%%] [--jitter 20ms] [--reorder 1%%] [--queue BYTES|auto] [--seed N]"
            " NAMESPACE NAMESPACE");

    if (settings.queue < 0) {
        /*
         * A bandwidth-delay product is what one TCP that halves its window needs to keep the link busy. But nobody builds 25 MB
         * into a port of 1 Gbit/s for a peer 200 ms away, and it would hide what a queue costs; so no packet waits longer than
         * 20 ms: 250 kB at 100 Mbit/s, 2.5 MB at 1 Gbit/s.
         */
        double time = settings.rtt < (double)QUEUE_TIME ? settings.rtt : (double)QUEUE_TIME;
        settings.queue = fmax(settings.rate / 8 * time / SECOND, QUEUE_MIN);
    }
    return settings;
}

int main(int argc, char **argv) {
    struct settings settings = parse_all(argc, argv);
    const char *a = argv[optind], *b = argv[optind + 1];

    /* The programs that are measured may take every CPU; a link of wire does not wait for one. */
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}) < 0)
        fprintf(stderr, "link: No real-time priority (%s): on a busy machine, packets will be late.\n", strerror(errno));

    struct direction there = {.from = a, .to = b, .in = open_device(a)};
    struct direction back = {.from = b, .to = a, .in = open_device(b)};
    there.out = back.in;
    back.out = there.in;
    /* One generator for each direction, or what is lost in one would hang on when packets came in the other. */
    set_up(&there, &settings, settings.seed);
    set_up(&back, &settings, ~settings.seed);

    printf("%s and %s: %g Mbit/s, round trip %g ms, loss %g%%, jitter %g ms, reordering %g%%, queue %.0f bytes, seed %" PRIu64 "\n", a, b, settings.rate / 1e6,
           settings.rtt / 1e6, settings.loss * 100, settings.jitter / 1e6, settings.reorder * 100, settings.queue, settings.seed);
    fflush(stdout);
    run(&there, &back);
    return 0;
}
