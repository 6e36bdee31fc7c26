// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A state of one spoke and the hub: both logs, and what became of every deposit, request, claim and order.
/// @dev Sequences and claims count from 1; sets of sequences are bit masks. Two token units never look alike: the first deposit is of 5,
///      the second of 7, a withdrawal asked for on the hub of 4, one asked for on the spoke of 3.
/// @param up         log of the spoke, 8 bits a leaf: kind 3 ‖ subject 3 ‖ extra 2 (see Leaf)
/// @param upKnown    heads the hub has verified above what it consumed
/// @param upKept     targets of VOIDs that splits stored
/// @param status     2 bits a leaf of `up`: what the hub made of a deposit or a request (see Status)
/// @param down       log of the hub, 4 bits a leaf: the claim that is ordered, or VOID_DOWN and the target
/// @param fate       3 bits a leaf of `down`: what the vault made of an order (see Fate)
/// @param claims     5 bits each: sequence of the deposit or request it comes from, 0 for one asked for on the hub ‖ 2 bits (see Claimed)
/// @param receipted  highest order that a delivered receipt covers
/// @param listed     0: the hub never knew the asset, 1: open, 2: frozen
/// @param out        units that left the vault's hands
/// @param balance    of the account on the hub; these three and `out` are counted as it happens, offset by OFFSET
struct Flow {
    uint256 up;
    uint256 upLength;
    uint256 upFlushed;
    uint256 upKnown;
    uint256 upConsumed;
    uint256 upKept;
    uint256 status;
    uint256 down;
    uint256 downLength;
    uint256 downFlushed;
    uint256 downKnown;
    uint256 downConsumed;
    uint256 downKept;
    uint256 fate;
    uint256 claims;
    uint256 claimCount;
    uint256 receipted;
    uint256 listed;
    uint256 out;
    uint256 balance;
    uint256 suspense;
    uint256 reserved;
}

library Leaf {
    uint256 internal constant DEPOSIT = 1; // extra: which one
    uint256 internal constant VOID = 2; // subject: target
    uint256 internal constant RECEIPT = 3; // subject: first order, extra: how many less one
    uint256 internal constant REDEPOSIT = 4; // subject: the order that came back, extra: 1 if a unit was claimed before
    uint256 internal constant REQUEST = 5;
    uint256 internal constant VOID_DOWN = 8;
}

library Status {
    uint256 internal constant CREDITED = 1; // a request: decided
    uint256 internal constant PARKED = 2; // a request: recorded
    uint256 internal constant SENT_HOME = 3; // a request: expired
}

library Fate {
    uint256 internal constant PAID = 1;
    uint256 internal constant CLAIMABLE = 2;
    uint256 internal constant PART = 3; // one unit of it was claimed
    uint256 internal constant CLAIMED = 4;
    uint256 internal constant RETURNED = 5;
    uint256 internal constant REST_RETURNED = 6;
}

library Claimed {
    uint256 internal constant QUEUED = 0;
    uint256 internal constant CANCELLED = 1;
    uint256 internal constant ORDERED = 2;
}

/// @notice Readings and invariants of a Flow.
library FlowModel {
    uint256 internal constant OFFSET = 16;

    // ---- one word

    function pack(Flow memory s) internal pure returns (uint256 p) {
        p = s.up | (s.upLength << 48) | (s.upFlushed << 51) | (s.upKnown << 54) | (s.upConsumed << 60);
        p |= (s.upKept << 63) | (s.status << 69) | (s.down << 81) | (s.downLength << 97) | (s.downFlushed << 100);
        p |= (s.downKnown << 103) | (s.downConsumed << 107) | (s.downKept << 110) | (s.fate << 114);
        p |= (s.claims << 126) | (s.claimCount << 146) | (s.receipted << 149) | (s.listed << 152);
        p |= (s.out << 154) | (s.balance << 160) | (s.suspense << 166) | (s.reserved << 172);
    }

    function unpack(uint256 p) internal pure returns (Flow memory s) {
        (s.up, s.upLength, s.upFlushed) = (p & ((1 << 48) - 1), (p >> 48) & 7, (p >> 51) & 7);
        (s.upKnown, s.upConsumed, s.upKept) = ((p >> 54) & 63, (p >> 60) & 7, (p >> 63) & 63);
        (s.status, s.down, s.downLength) = ((p >> 69) & 0xfff, (p >> 81) & 0xffff, (p >> 97) & 7);
        (s.downFlushed, s.downKnown, s.downConsumed) = ((p >> 100) & 7, (p >> 103) & 15, (p >> 107) & 7);
        (s.downKept, s.fate, s.claims) = ((p >> 110) & 15, (p >> 114) & 0xfff, (p >> 126) & 0xfffff);
        (s.claimCount, s.receipted, s.listed) = ((p >> 146) & 7, (p >> 149) & 7, (p >> 152) & 3);
        (s.out, s.balance) = ((p >> 154) & 63, (p >> 160) & 63);
        (s.suspense, s.reserved) = ((p >> 166) & 63, (p >> 172) & 63);
    }

    function genesis() internal pure returns (Flow memory s) {
        (s.out, s.balance, s.suspense, s.reserved) = (OFFSET, OFFSET, OFFSET, OFFSET);
    }

    // ---- parts of it

    function has(uint256 mask, uint256 n) internal pure returns (bool) {
        return (mask >> (n - 1)) & 1 != 0;
    }

    function bit(uint256 n) internal pure returns (uint256) {
        return 1 << (n - 1);
    }

    function highest(uint256 mask) internal pure returns (uint256 n) {
        while (mask != 0) (mask, n) = (mask >> 1, n + 1);
    }

    function leafAt(Flow memory s, uint256 n) internal pure returns (uint256 kind, uint256 subject, uint256 extra) {
        uint256 leaf = s.up >> (8 * (n - 1));
        return (leaf & 7, (leaf >> 3) & 7, (leaf >> 6) & 3);
    }

    function kindAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        return (s.up >> (8 * (n - 1))) & 7;
    }

    function isDeposit(Flow memory s, uint256 n) internal pure returns (bool) {
        uint256 kind = kindAt(s, n);
        return kind == Leaf.DEPOSIT || kind == Leaf.REDEPOSIT;
    }

    function statusAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        return (s.status >> (2 * (n - 1))) & 3;
    }

    /// @dev A claim's number, or VOID_DOWN | target.
    function orderAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        return (s.down >> (4 * (n - 1))) & 15;
    }

    function fateAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        return (s.fate >> (3 * (n - 1))) & 7;
    }

    function originOf(Flow memory s, uint256 claim) internal pure returns (uint256) {
        return (s.claims >> (5 * (claim - 1))) & 7;
    }

    function stateOf(Flow memory s, uint256 claim) internal pure returns (uint256) {
        return (s.claims >> (5 * (claim - 1) + 3)) & 3;
    }

    /// @dev A deposit on its way home; every other claim has an account.
    function isSentHome(Flow memory s, uint256 claim) internal pure returns (bool) {
        uint256 origin = originOf(s, claim);
        return origin != 0 && kindAt(s, origin) != Leaf.REQUEST;
    }

    function unitsOf(Flow memory s, uint256 claim) internal pure returns (uint256) {
        uint256 origin = originOf(s, claim);
        if (origin == 0) return 4;
        return kindAt(s, origin) == Leaf.REQUEST ? 3 : unitsAt(s, origin);
    }

    function unitsAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        (uint256 kind, uint256 subject, uint256 extra) = leafAt(s, n);
        return kind == Leaf.DEPOSIT ? 5 + 2 * extra : unitsOf(s, orderAt(s, subject)) - extra;
    }

    /// @dev Deposits that a VOID names.
    function voidedUp(Flow memory s) internal pure returns (uint256 mask) {
        for (uint256 n = 1; n <= s.upLength; ++n) {
            (uint256 kind, uint256 subject, ) = leafAt(s, n);
            if (kind == Leaf.VOID) mask |= bit(subject);
        }
    }

    function voidedDown(Flow memory s) internal pure returns (uint256 mask) {
        for (uint256 n = 1; n <= s.downLength; ++n) {
            uint256 order = orderAt(s, n);
            if (order & Leaf.VOID_DOWN != 0) mask |= bit(order & 7);
        }
    }

    /// @dev The order of a claim, 0 if there is none.
    function orderOf(Flow memory s, uint256 claim) internal pure returns (uint256) {
        for (uint256 n = 1; n <= s.downLength; ++n) if (orderAt(s, n) == claim) return n;
        return 0;
    }

    function lastOrder(Flow memory s) internal pure returns (uint256 last) {
        for (uint256 n = 1; n <= s.downLength; ++n) if (orderAt(s, n) & Leaf.VOID_DOWN == 0) last = n;
    }

    function count(Flow memory s, uint256 kind) internal pure returns (uint256 found) {
        for (uint256 n = 1; n <= s.upLength; ++n) if (kindAt(s, n) == kind) ++found;
    }

    function asked(Flow memory s) internal pure returns (uint256 found) {
        for (uint256 c = 1; c <= s.claimCount; ++c) if (originOf(s, c) == 0) ++found;
    }

    function claimable(Flow memory s) internal pure returns (uint256 sum) {
        for (uint256 n = 1; n <= s.downConsumed; ++n) sum += claimableAt(s, n);
    }

    function claimableAt(Flow memory s, uint256 n) internal pure returns (uint256) {
        uint256 fate = fateAt(s, n);
        if (fate == Fate.CLAIMABLE) return unitsOf(s, orderAt(s, n));
        return fate == Fate.PART ? unitsOf(s, orderAt(s, n)) - 1 : 0;
    }

    // ---- invariants

    /// @notice INV-FLOW-1, INV-LEDGER-2 (exactly: nothing is rounded), INV-VAULT-1 and INV-RELEASE-1; the name of the first one broken.
    function broken(Flow memory s) internal pure returns (bytes32) {
        if (s.balance < OFFSET || s.suspense < OFFSET || s.reserved < OFFSET) return "more taken than there was";
        uint256 origins;
        for (uint256 c = 1; c <= s.claimCount; ++c) {
            uint256 origin = originOf(s, c);
            if (origin == 0) continue;
            if (has(origins, origin)) return "two claims of one entry";
            origins |= bit(origin);
        }
        uint256 dead = voidedUp(s);
        uint256 minted;
        uint256 undelivered;
        for (uint256 n = 1; n <= s.upLength; ++n) {
            if (!isDeposit(s, n)) continue;
            if (kindAt(s, n) == Leaf.DEPOSIT) minted += unitsAt(s, n);
            if (has(dead, n) && statusAt(s, n) != 0) return "credited and refunded";
            if (n > s.upConsumed && !has(dead, n)) undelivered += unitsAt(s, n);
        }
        uint256 unreceipted;
        uint256 cancelled = voidedDown(s);
        for (uint256 n = 1; n <= s.downLength; ++n) {
            if (fateAt(s, n) == 0) continue;
            if (has(cancelled, n)) return "cancelled and paid";
            if (n > s.receipted) unreceipted += unitsOf(s, orderAt(s, n));
        }
        if (s.out > minted + OFFSET) return "INV-VAULT-1";
        uint256 held = minted + OFFSET - s.out;
        uint256 waiting = claimable(s);
        if (held < waiting) return "INV-VAULT-1: claimable";
        uint256 owed = s.balance + s.suspense + s.reserved - 3 * OFFSET;
        return held + unreceipted == owed + undelivered + waiting ? bytes32(0) : bytes32("INV-FLOW-1");
    }

    // ---- what one end knows

    /// @notice The spoke's part: its log, what it verified of the hub's, and what it made of it.
    function ofSpoke(Flow memory s) internal pure returns (Flow memory p) {
        (p.up, p.upLength, p.upFlushed) = (s.up, s.upLength, s.upFlushed);
        (p.downKnown, p.downConsumed, p.downKept, p.fate) = (s.downKnown, s.downConsumed, s.downKept, s.fate);
        uint256 top = highest(s.downKnown);
        p.downLength = top > s.downConsumed ? top : s.downConsumed;
        p.down = s.down & ((1 << (4 * p.downLength)) - 1);
        // Of a claim, what its order says.
        for (uint256 n = 1; n <= p.downLength; ++n) {
            uint256 claim = orderAt(p, n);
            if (claim & Leaf.VOID_DOWN == 0) p.claims |= originOf(s, claim) << (5 * (claim - 1));
        }
        p.out = s.out;
    }

    /// @notice The hub's part: its log, what it verified of the spoke's, and what it made of it.
    function ofHub(Flow memory s) internal pure returns (Flow memory p) {
        (p.upKnown, p.upConsumed, p.upKept, p.status) = (s.upKnown, s.upConsumed, s.upKept, s.status);
        uint256 top = highest(s.upKnown);
        p.upLength = top > s.upConsumed ? top : s.upConsumed;
        p.up = s.up & ((1 << (8 * p.upLength)) - 1);
        (p.down, p.downLength, p.downFlushed) = (s.down, s.downLength, s.downFlushed);
        (p.claims, p.claimCount, p.receipted, p.listed) = (s.claims, s.claimCount, s.receipted, s.listed);
        (p.balance, p.suspense, p.reserved) = (s.balance, s.suspense, s.reserved);
        // Of an order's fate, what a receipt says: whether it was paid at once.
        for (uint256 n = 1; n <= p.upLength; ++n) {
            (uint256 kind, uint256 first, uint256 more) = leafAt(p, n);
            if (kind != Leaf.RECEIPT) continue;
            for (uint256 o = first; o <= first + more; ++o) {
                uint256 fate = fateAt(s, o);
                if (fate != 0) p.fate |= (fate == Fate.PAID ? Fate.PAID : Fate.CLAIMABLE) << (3 * (o - 1));
            }
        }
    }
}
