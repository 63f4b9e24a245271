package dev.culvert.common.net;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.dns.DatagramDnsQuery;
import io.netty.handler.codec.dns.DatagramDnsQueryDecoder;
import io.netty.handler.codec.dns.DatagramDnsResponse;
import io.netty.handler.codec.dns.DatagramDnsResponseEncoder;
import io.netty.handler.codec.dns.DefaultDnsRawRecord;
import io.netty.handler.codec.dns.DnsQuestion;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsResponseCode;
import io.netty.handler.codec.dns.DnsSection;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A DNS server on a loopback UDP port: it answers what it was told, and NXDOMAIN for the rest. */
final class NameServer implements AutoCloseable {
    private record Entry(int ttl, List<byte[]> addresses) {}

    private final Map<String, Entry> zone = new ConcurrentHashMap<>();
    private final Queue<String> questions = new ConcurrentLinkedQueue<>();
    private final Queue<InetSocketAddress> askers = new ConcurrentLinkedQueue<>();
    private final Channel channel;
    private final AtomicInteger ignored = new AtomicInteger();

    NameServer(Transport transport, EventLoopGroup loops) {
        channel = new Bootstrap()
                .group(loops)
                .channelFactory(transport.datagrams())
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel datagrams) {
                        datagrams
                                .pipeline()
                                .addLast(
                                        new DatagramDnsQueryDecoder(), new DatagramDnsResponseEncoder(), new Answers());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
    }

    InetSocketAddress address() {
        return (InetSocketAddress) channel.localAddress();
    }

    /** Gives a name its addresses, in this order; ttl in seconds. */
    void put(String name, int ttl, String... addresses) {
        zone.put(
                name,
                new Entry(
                        ttl,
                        Stream.of(addresses)
                                .map(NetUtil::createByteArrayFromIpAddressString)
                                .toList()));
    }

    /** Leaves the next questions without an answer. */
    void ignore(int count) {
        ignored.set(count);
    }

    /** What was asked so far, such as {@code "A db.test"}. */
    List<String> questions() {
        return List.copyOf(questions);
    }

    /** The sockets that have asked, by question. */
    List<InetSocketAddress> askers() {
        return List.copyOf(askers);
    }

    @Override
    public void close() {
        channel.close().syncUninterruptibly();
    }

    private final class Answers extends SimpleChannelInboundHandler<DatagramDnsQuery> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, DatagramDnsQuery query) {
            DnsQuestion question = query.recordAt(DnsSection.QUESTION);
            String name = question.name().substring(0, question.name().length() - 1);
            askers.add(query.sender());
            questions.add(question.type().name() + " " + name);
            if (ignored.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                return;
            }
            DatagramDnsResponse response =
                    new DatagramDnsResponse(query.recipient(), query.sender(), query.id()).setAuthoritativeAnswer(true);
            response.addRecord(DnsSection.QUESTION, question);
            Entry entry = zone.get(name);
            if (entry == null) {
                response.setCode(DnsResponseCode.NXDOMAIN);
            } else {
                int size = question.type().equals(DnsRecordType.A) ? 4 : 16;
                entry.addresses().stream()
                        .filter(address -> address.length == size)
                        .forEach(address -> response.addRecord(
                                DnsSection.ANSWER,
                                new DefaultDnsRawRecord(
                                        question.name(),
                                        question.type(),
                                        entry.ttl(),
                                        Unpooled.wrappedBuffer(address))));
            }
            ctx.writeAndFlush(response).addListener(ChannelFutureListener.FIRE_EXCEPTION_ON_FAILURE);
        }
    }
}
