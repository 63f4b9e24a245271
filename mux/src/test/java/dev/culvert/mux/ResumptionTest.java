package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is kept, what is let go, and what comes again. */
class ResumptionTest {
    private static final int LIMIT = 4800;

    private final SharedBudget shared = new SharedBudget(1_000_000);
    private final MemoryBudget budget = new MemoryBudget(1 << 20, shared);
    private final Resumption resumption = new Resumption(new Token(1, 2, 3), 1_000_000_000, LIMIT, 64 << 10, budget, 0);
    private final StringBuilder sent = new StringBuilder();
    private final Consumer<ByteBuf> out = resumption.keeping(this::take);

    @AfterEach
    void end() {
        resumption.end();
        assertThat(budget.kept()).isZero();
    }

    private void take(ByteBuf bytes) {
        sent.append(bytes.toString(StandardCharsets.UTF_8));
        bytes.release();
    }

    private void send(String text) {
        out.accept(ByteBufUtil.writeUtf8(ByteBufAllocator.DEFAULT, text));
    }

    /** All that comes again, up to so many parts. */
    private String again(int parts) {
        sent.setLength(0);
        ByteBuf part;
        for (int i = 0; i < parts && (part = resumption.nextAgain()) != null; i++) {
            take(part);
        }
        return sent.toString();
    }

    private static String large(char letter) {
        return String.valueOf(letter).repeat(600);
    }

    @Test
    void whatIsAcknowledgedInTheMiddleOfABufferComesAgainFromThere() throws Exception {
        send("ab" + large('x'));
        send("cdef");
        resumption.acknowledge(1);
        assertThat(budget.kept()).isEqualTo(605);

        assertThat(resumption.resume(1, 0)).isTrue();
        assertThat(again(9)).isEqualTo("b" + large('x') + "cdef");
        resumption.acknowledge(604);
        assertThat(budget.kept()).isEqualTo(2);
        assertThat(resumption.resume(604, 0)).isTrue();
        assertThat(again(9)).isEqualTo("ef");
    }

    @Test
    void aSecondConnectionInTheMiddleOfWhatComesAgainBeginsWhereThePeerIs() {
        send(large('a'));
        send(large('b'));
        send(large('c'));
        assertThat(resumption.resume(100, 0)).isTrue();
        assertThat(again(2)).isEqualTo(large('a').substring(100) + large('b'));

        assertThat(resumption.resume(700, 0)).isTrue();
        assertThat(again(9)).isEqualTo(large('b').substring(100) + large('c'));
        send("new");
        assertThat(resumption.resume(700, 0)).isTrue();
        assertThat(again(9)).isEqualTo(large('b').substring(100) + large('c') + "new");
    }

    @Test
    void aCountThatCanNotBeChangesNothing() throws Exception {
        send("abcdef");
        resumption.acknowledge(2);
        for (long absurd : new long[] {-1, Long.MIN_VALUE, 1, 7, Long.MAX_VALUE}) {
            assertThat(resumption.resume(absurd, 0)).as("%d bytes", absurd).isFalse();
        }
        assertThat(resumption.resume(2, 0)).isTrue();
        assertThat(again(9)).isEqualTo("cdef");
    }

    @Test
    void anAckForMoreThanWasSentHereIsRefusedAndAnOldOneIsNoNews() throws Exception {
        send("abcdef");
        assertThatThrownBy(() -> resumption.acknowledge(7)).isInstanceOf(ProtocolViolation.class);
        resumption.acknowledge(4);
        resumption.acknowledge(2);
        resumption.acknowledge(-1);
        assertThat(budget.kept()).isEqualTo(2);

        assertThat(resumption.resume(4, 0)).isTrue();
        assertThatThrownBy(() -> resumption.acknowledge(6)) // it has not been sent on this connection
                .isInstanceOf(ProtocolViolation.class);
    }

    /** A buffer of its own for each would be many times its size, and count for no more than that. */
    @Test
    void smallFramesAreKeptTogether() {
        for (int i = 0; i < 1000; i++) {
            send("x".repeat(200));
        }
        assertThat(resumption.resume(0, 0)).isTrue();
        int parts = 0;
        ByteBuf part;
        while ((part = resumption.nextAgain()) != null) {
            part.release();
            parts++;
        }
        assertThat(parts).isLessThan(300);
    }

    @Test
    void aSmallPartOfALargeBufferIsKeptAsACopy() {
        ByteBuf large = ByteBufAllocator.DEFAULT.buffer(64 << 10);
        large.writeZero(600);
        resumption.keeping(buffer -> {}).accept(large);
        assertThat(large.refCnt()).isEqualTo(1);
        large.writeZero(32 << 10);
        resumption.keeping(buffer -> {}).accept(large);
        assertThat(large.refCnt()).isEqualTo(2);
        large.release();
    }

    @Test
    void theRestOfABufferThatIsUnderWayIsKeptAsItIs() {
        ByteBuf large = ByteBufAllocator.DEFAULT.buffer(64 << 10);
        large.writeZero((32 << 10) + (5 << 10));
        ByteBuf first = large.readRetainedSlice(32 << 10);
        resumption.keeping(buffer -> {}).accept(first);
        resumption.keeping(buffer -> {}).accept(large);
        first.release();
        assertThat(large.release()).isFalse();
        resumption.end();
        assertThat(large.refCnt()).isZero();
    }

    /** Or a peer would have us keep whole buffers for the little of each that its window lets through. */
    @Test
    void aLittleOfABufferIsKeptAsACopyAlsoWhileTheRestWaits() {
        ByteBuf large = ByteBufAllocator.DEFAULT.buffer(64 << 10);
        large.writeZero(64 << 10);
        ByteBuf first = large.readRetainedSlice(600);
        resumption.keeping(buffer -> {}).accept(first);
        first.release();
        assertThat(large.release()).isTrue();
    }

    @Test
    void itIsFullAtTheLimitAndWhereMemoryIsTightAtASixteenth() {
        send(large('a').substring(0, LIMIT / 16));
        assertThat(resumption.isFull()).isFalse();
        shared.add(600_000);
        assertThat(resumption.isFull()).isTrue();
        shared.add(-600_000);
        for (int i = 0; i < 8; i++) {
            send(large('b'));
        }
        assertThat(resumption.isFull()).isTrue();
    }

    @Test
    void whoGivesUpInTheMiddleSendsTheRestAllTheSame() {
        send(large('a'));
        send(large('b'));
        assertThat(resumption.resume(0, 0)).isTrue();
        assertThat(again(1)).isEqualTo(large('a'));

        resumption.giveUp();
        assertThat(budget.kept()).isZero();
        assertThat(resumption.isPossible()).isFalse();
        assertThat(again(9)).isEqualTo(large('b'));
        send("more");
        assertThat(budget.kept()).isZero();
        assertThat(resumption.resume(1200, 0)).isFalse();
    }
}
