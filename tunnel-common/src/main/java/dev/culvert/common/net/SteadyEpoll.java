package dev.culvert.common.net;

import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Netty's epoll without four of its faults, as of 4.2.18. The first three lose bytes.
 *
 * <p>A socket without any interest is removed from epoll, and the next interest fails with ENOENT, which closes the
 * socket and drops what was written. A socket has none once its peer has sent FIN and all that was written is out. Here
 * it keeps one, EPOLLET, which by itself asks for no event, and makes the kernel tell errors and hang-ups once instead
 * of without end.
 *
 * <p>Events are found by the number of the socket. When one socket is closed and another opened while a batch of events
 * is being handled, the new one can have the number of the old one, and gets its events: then it is read while it still
 * connects, before anybody listens. Here a socket hears nothing in the batch in which it was registered; epoll is level
 * triggered, so what concerns the new socket comes again.
 *
 * <p>It hears of an error before it has read what has come before that: it writes first, which fails, and closes. A
 * server that turns an upload down says why and closes, so its answer would be lost. Here a socket that is read is read
 * first.
 *
 * <p>At a FIN it reads all that the kernel holds, some megabytes, although nobody wants to read. Here it is told of
 * none, and finds it where it reads: at the second time of the same event, so that the last bytes and the end still
 * come together.
 *
 * <p>Source: netty EpollIoHandler, {@code submit} (pull request 16689) and {@code processReady}; AbstractEpollChannel,
 * {@code handle}; EpollRecvByteAllocatorHandle, {@code continueReading}.
 */
final class SteadyEpoll implements IoHandler {
    private static final EpollIoEvent READABLE = () -> EpollIoOps.EPOLLIN;
    private static final EpollIoEvent WRITABLE = () -> EpollIoOps.EPOLLOUT;
    /** Netty looks what the error is only where it reads, or is told of a FIN. */
    private static final EpollIoEvent FAILED = () -> EpollIoOps.EPOLLERR.with(EpollIoOps.EPOLLRDHUP);

    private final IoHandler epoll;
    /** Counts the batches of events. */
    private long batch;

    private SteadyEpoll(IoHandler epoll) {
        this.epoll = epoll;
    }

    static IoHandlerFactory newFactory() {
        IoHandlerFactory factory = EpollIoHandler.newFactory();
        return new IoHandlerFactory() {
            @Override
            public IoHandler newHandler(ThreadAwareExecutor executor) {
                return new SteadyEpoll(factory.newHandler(executor));
            }

            @Override
            public boolean isChangingThreadSupported() {
                return factory.isChangingThreadSupported();
            }
        };
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        Socket socket = new Socket((EpollIoHandle) handle, batch);
        socket.registration = epoll.register(socket);
        return socket;
    }

    /** Stands between Netty's socket and its epoll: for either it is the other one. */
    @SuppressWarnings("try") // Netty's close()
    private final class Socket implements EpollIoHandle, IoRegistration {
        private final EpollIoHandle handle;
        private final long registeredIn;
        private @Nullable IoRegistration registration;
        /** It wants to hear of what can be read. */
        private boolean reads;
        /** It has asked to be told of a FIN, as streams do. */
        private boolean hearsOfFin;

        Socket(EpollIoHandle handle, long registeredIn) {
            this.handle = handle;
            this.registeredIn = registeredIn;
        }

        private IoRegistration registration() {
            return Objects.requireNonNull(registration);
        }

        // ---- what epoll says

        @Override
        public void handle(IoRegistration from, IoEvent event) {
            if (registeredIn == batch) {
                return;
            }
            EpollIoOps found = ((EpollIoEvent) event).ops();
            if (!hearsOfFin) { // no stream
                handle.handle(from, event);
            } else if (found.contains(EpollIoOps.EPOLLERR)) {
                read(from, found);
                pass(from, FAILED);
            } else if (found.contains(EpollIoOps.EPOLLRDHUP)) {
                read(from, found);
                read(from, found); // the FIN, most likely
                if (found.contains(EpollIoOps.EPOLLOUT)) {
                    pass(from, WRITABLE);
                }
            } else {
                handle.handle(from, event);
            }
        }

        private void read(IoRegistration from, EpollIoOps found) {
            if (reads && found.contains(EpollIoOps.EPOLLIN)) {
                pass(from, READABLE);
            }
        }

        private void pass(IoRegistration from, EpollIoEvent event) {
            if (isValid()) {
                handle.handle(from, event);
            }
        }

        @Override
        public FileDescriptor fd() {
            return handle.fd();
        }

        @Override
        public void registered() {
            handle.registered();
        }

        @Override
        public void unregistered() {
            handle.unregistered();
        }

        @Override
        public void close() throws Exception {
            handle.close();
        }

        // ---- what the socket says

        @Override
        public long submit(IoOps ops) {
            EpollIoOps wanted = (EpollIoOps) ops;
            reads = wanted.contains(EpollIoOps.EPOLLIN);
            hearsOfFin |= wanted.contains(EpollIoOps.EPOLLRDHUP);
            if (!reads) {
                wanted = wanted.without(EpollIoOps.EPOLLRDHUP);
            }
            return registration().submit(wanted.equals(EpollIoOps.NONE) ? EpollIoOps.EPOLLET : wanted);
        }

        @Override
        @SuppressWarnings("TypeParameterUnusedInFormals") // Netty's
        public <T> T attachment() {
            return registration().attachment();
        }

        @Override
        public boolean isValid() {
            return registration().isValid();
        }

        @Override
        public boolean cancel() {
            return registration().cancel();
        }
    }

    @Override
    public void initialize() {
        epoll.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
        batch++;
        return epoll.run(context);
    }

    @Override
    public void prepareToDestroy() {
        epoll.prepareToDestroy();
    }

    @Override
    public void destroy() {
        epoll.destroy();
    }

    @Override
    public void wakeup() {
        epoll.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return epoll.isCompatible(handleType);
    }
}
