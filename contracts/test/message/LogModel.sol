// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A state of the reference model; twin of `shared/test/message/log-model.ts`. Sets of sequences are bit masks:
///         bit n − 1 stands for sequence n.
/// @param leaves   3 bits each: 0 for an entry, else the target of a VOID
/// @param inFlight checkpoints sent, neither received nor lost
/// @param kept     targets of VOIDs that splits stored
struct LogState {
    uint256 leaves;
    uint256 length;
    uint256 flushed;
    uint256 inFlight;
    uint256 consumed;
    uint256 verified;
    uint256 kept;
    uint256 applied;
    uint256 voided;
}

enum ActionKind {
    Append,
    Void,
    Flush,
    Receive,
    Lose,
    Split,
    Deliver
}

/// @param a target, sequence, from or last
/// @param b to
struct LogAction {
    ActionKind kind;
    uint256 a;
    uint256 b;
}

library LogModel {
    uint256 internal constant MAX_ACTIONS = 64;

    function pack(LogState memory s) internal pure returns (uint256) {
        return
            s.leaves |
            (s.length << 18) |
            (s.flushed << 21) |
            (s.inFlight << 24) |
            (s.consumed << 30) |
            (s.verified << 33) |
            (s.kept << 39) |
            (s.applied << 45) |
            (s.voided << 51);
    }

    function unpack(uint256 p) internal pure returns (LogState memory s) {
        s.leaves = p & 0x3ffff;
        s.length = (p >> 18) & 7;
        s.flushed = (p >> 21) & 7;
        s.inFlight = (p >> 24) & 0x3f;
        s.consumed = (p >> 30) & 7;
        s.verified = (p >> 33) & 0x3f;
        s.kept = (p >> 39) & 0x3f;
        s.applied = (p >> 45) & 0x3f;
        s.voided = (p >> 51) & 0x3f;
    }

    function has(uint256 mask, uint256 sequence) internal pure returns (bool) {
        return (mask >> (sequence - 1)) & 1 != 0;
    }

    function bit(uint256 sequence) internal pure returns (uint256) {
        return 1 << (sequence - 1);
    }

    /// @notice 0 for an entry, else the target of the VOID at `sequence`.
    function targetAt(LogState memory s, uint256 sequence) internal pure returns (uint256) {
        return (s.leaves >> (3 * (sequence - 1))) & 7;
    }

    /// @notice Targets of all VOIDs in the log.
    function targets(LogState memory s) internal pure returns (uint256 mask) {
        for (uint256 n = 1; n <= s.length; ++n) {
            uint256 target = targetAt(s, n);
            if (target != 0) mask |= bit(target);
        }
    }

    /// @notice Everything that may happen next in a log of at most `bound` leaves.
    function actionsOf(LogState memory s, uint256 bound) internal pure returns (LogAction[] memory actions) {
        actions = new LogAction[](MAX_ACTIONS);
        uint256 n = 0;
        if (s.length < bound) {
            actions[n++] = LogAction(ActionKind.Append, 0, 0);
            uint256 dead = targets(s);
            for (uint256 t = s.flushed + 1; t <= s.length; ++t) {
                if (targetAt(s, t) == 0 && !has(dead, t)) actions[n++] = LogAction(ActionKind.Void, t, 0);
            }
        }
        if (s.length > s.flushed) actions[n++] = LogAction(ActionKind.Flush, 0, 0);
        for (uint256 i = 1; i <= s.length; ++i) {
            if (!has(s.inFlight, i)) continue;
            actions[n++] = LogAction(ActionKind.Receive, i, 0);
            actions[n++] = LogAction(ActionKind.Lose, i, 0);
        }
        for (uint256 last = s.consumed + 1; last <= s.length; ++last) {
            if (!has(s.verified, last)) continue;
            actions[n++] = LogAction(ActionKind.Deliver, last, 0);
            for (uint256 to = s.consumed + 1; to < last; ++to) {
                actions[n++] = LogAction(ActionKind.Split, last, to);
            }
        }
        assembly ("memory-safe") {
            mstore(actions, n)
        }
    }

    /// @notice The state after an action that `actionsOf` offered. Changes `s`.
    function step(LogState memory s, LogAction memory x) internal pure {
        if (x.kind == ActionKind.Append) {
            s.length += 1;
        } else if (x.kind == ActionKind.Void) {
            s.leaves |= x.a << (3 * s.length);
            s.length += 1;
        } else if (x.kind == ActionKind.Flush) {
            s.flushed = s.length;
            s.inFlight |= bit(s.length);
        } else if (x.kind == ActionKind.Lose) {
            s.inFlight &= ~bit(x.a);
        } else if (x.kind == ActionKind.Receive) {
            s.inFlight &= ~bit(x.a);
            if (x.a > s.consumed) s.verified |= bit(x.a);
        } else if (x.kind == ActionKind.Split) {
            for (uint256 n = x.b + 1; n <= x.a; ++n) {
                uint256 target = targetAt(s, n);
                if (target > s.consumed && target <= x.b) s.kept |= bit(target);
            }
            s.verified |= bit(x.b);
        } else {
            uint256 dead = s.kept;
            for (uint256 n = s.consumed + 1; n <= x.a; ++n) {
                uint256 target = targetAt(s, n);
                if (target > s.consumed) dead |= bit(target);
            }
            for (uint256 n = s.consumed + 1; n <= x.a; ++n) {
                if (targetAt(s, n) != 0) continue;
                if (has(dead, n)) s.voided |= bit(n);
                else s.applied |= bit(n);
            }
            s.consumed = x.a;
        }
    }

    /// @notice INV-LOG-1, INV-LOG-2 and the promise of VOID.
    function holds(LogState memory s) internal pure returns (bool) {
        if (s.applied & s.voided != 0 || s.consumed > s.flushed || s.verified >> s.flushed != 0) return false;
        uint256 dead = targets(s);
        if (s.applied & dead != 0) return false;
        for (uint256 n = 1; n <= s.length; ++n) {
            bool ended = has(s.applied | s.voided, n);
            if (targetAt(s, n) == 0 ? ended != (n <= s.consumed) : ended) return false;
            if (has(s.voided, n) && !has(dead, n)) return false;
        }
        return true;
    }
}
