package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private final MemoryBudget budget = new MemoryBudget(100, SharedBudget.unbounded());

    @Test
    void theLimitItselfIsNoOverdraft() {
        budget.use(100);
        assertThat(budget.isOverdrawn()).isFalse();
        budget.use(1);
        assertThat(budget.isOverdrawn()).isTrue();
    }

    @Test
    void itIsHalfFreeAtHalfTheLimit() {
        budget.use(51);
        assertThat(budget.isHalfFree()).isFalse();
        budget.free(1);
        assertThat(budget.isHalfFree()).isTrue();
    }

    @Test
    void halfOfItMayBePromised() {
        assertThat(budget.unpromised()).isEqualTo(50);
        budget.promise(30);
        assertThat(budget.unpromised()).isEqualTo(20);
        budget.promise(-30);
        assertThat(budget.unpromised()).isEqualTo(50);
    }

    @Test
    void whatIsUsedAndWhatIsPromisedAreTwoAccounts() {
        budget.promise(50);
        budget.use(100);
        assertThat(budget.isOverdrawn()).isFalse();
        assertThat(budget.used()).isEqualTo(100);
        assertThat(budget.promised()).isEqualTo(50);
    }
}
