package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.function.Consumer;

/** A client's session and its server's, whose bytes the test moves. The server does with streams as it is told. */
public final class SessionPair implements AutoCloseable {
    public final MuxSession client = session(MuxSession.Role.CLIENT, stream -> {});
    final EmbeddedChannel near = new EmbeddedChannel(new MuxConnection(client));
    public final EmbeddedChannel far;

    public SessionPair(Consumer<MuxStream> onStream) {
        far = new EmbeddedChannel(new MuxConnection(session(MuxSession.Role.SERVER, onStream)));
        pump();
    }

    /** One whose streams are passed on. */
    static MuxSession session(MuxSession.Role role, Consumer<MuxStream> onStream) {
        return new MuxSession(role, MuxSettings.of(ProtocolVersion.CULVERT), listener(onStream));
    }

    static SessionListener listener(Consumer<MuxStream> onStream) {
        return new SessionListener() {
            @Override
            public void onStream(MuxSession session, MuxStream stream) {
                onStream.accept(stream);
            }

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {}
        };
    }

    public void pump() {
        exchange(near, far);
    }

    /** Carries what the sessions have to say to each other, until they have no more. */
    static void exchange(EmbeddedChannel near, EmbeddedChannel far) {
        boolean moved = true;
        while (moved) {
            near.runPendingTasks();
            far.runPendingTasks();
            moved = move(near, far);
            moved |= move(far, near);
        }
    }

    private static boolean move(EmbeddedChannel from, EmbeddedChannel to) {
        boolean moved = false;
        ByteBuf bytes;
        while ((bytes = from.readOutbound()) != null) {
            to.writeInbound(bytes);
            moved = true;
        }
        return moved;
    }

    @Override
    public void close() {
        near.finishAndReleaseAll();
        far.finishAndReleaseAll();
    }
}
