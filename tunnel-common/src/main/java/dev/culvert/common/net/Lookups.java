package dev.culvert.common.net;

import io.netty.channel.EventLoop;
import io.netty.resolver.NameResolver;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.PromiseNotifier;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What name servers are asked on one event loop. Who asks for the same name waits for the same answer, and a look-up
 * that nobody waits for any more ends, with its socket. Netty's own resolver group shares them as well, but there
 * whoever cancels the first one fails the others. Event loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a look-up comes to is heard through its promise.
final class Lookups {
    private final EventLoop loop;
    private final NameResolver<InetAddress> dns;
    private final Map<String, Lookup> underWay = new HashMap<>();

    /** @param dns whose promises, when they are cancelled, end what is done for them */
    Lookups(EventLoop loop, NameResolver<InetAddress> dns) {
        this.loop = loop;
        this.dns = dns;
    }

    /** The addresses of a name; who does not want them any more cancels the future. */
    Future<List<InetAddress>> ask(String name) {
        Promise<List<InetAddress>> asker = loop.newPromise();
        Lookup known = underWay.get(name);
        if (known != null) {
            known.join(asker);
            return asker;
        }
        Lookup lookup = new Lookup(name);
        underWay.put(name, lookup);
        lookup.join(asker);
        dns.resolveAll(name, lookup.answer);
        return asker;
    }

    private final class Lookup {
        private final String name;
        private final Promise<List<InetAddress>> answer = loop.newPromise();
        private int askers;

        Lookup(String name) {
            this.name = name;
        }

        void join(Promise<List<InetAddress>> asker) {
            askers++;
            asker.addListener(done -> leave());
            answer.addListener(new PromiseNotifier<>(false, asker));
        }

        private void leave() {
            askers--;
            if (askers == 0) {
                underWay.remove(name, this); // at once: nobody may join what is cancelled
                answer.cancel(false);
            }
        }
    }
}
