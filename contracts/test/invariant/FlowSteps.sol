// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Claimed, Fate, Flow, FlowModel, Leaf, Status} from "./FlowModel.sol";

/// @dev Those of the spoke come first.
enum Step {
    Deposit,
    CancelDeposit, // of a sequence
    Ask, // for a withdrawal, by the log
    FlushUp,
    ArriveAtSpoke,
    SplitAtSpoke, // at a sequence
    DeliverAtSpoke, // up to a sequence
    DeliverWhilePaused, // up to a sequence
    Claim, // an order
    ClaimPart, // of an order
    ReturnClaim, // an order
    ArriveAtHub,
    SplitAtHub, // at a sequence
    DeliverAtHub, // up to a sequence
    ChangeStanding,
    Retry, // a sequence
    ReturnDeposit, // a sequence
    Decide, // a sequence
    Expire, // a sequence
    Request,
    Order, // a claim
    CancelClaim, // a claim
    CancelOrdered, // a claim
    FlushDown
}

/// @notice The rules that the invariants rest on, each a bit. The enumeration shows that none of them can be missed.
library Rule {
    uint256 internal constant CANCEL_UNFLUSHED_ONLY = 1; // a deposit, before its packet left
    uint256 internal constant COLLECT_BEFORE_APPLY = 2; // the VOIDs of a chunk
    uint256 internal constant SPLIT_KEEPS_VOIDS = 4;
    uint256 internal constant DELIVER_FROM_CONSUMED = 8;
    uint256 internal constant PARKED_ENDS_ONCE = 16;
    uint256 internal constant DECIDED_ONCE = 32;
    uint256 internal constant BALANCE_COVERS = 64;
    uint256 internal constant ORDERED_IS_NOT_QUEUED = 128;
    uint256 internal constant VOID_UNFLUSHED_ORDERS_ONLY = 256;
    uint256 internal constant CLAIMED_ONCE = 512;
    uint256 internal constant RETURNED_OR_CLAIMED = 1024;
    uint256 internal constant ALL = 2047;
}

/// @notice How far a walk goes.
struct Bounds {
    uint256 up; // leaves, at most 6
    uint256 down; // leaves, at most 4
    uint256 deposits;
    uint256 asked; // on the hub
    uint256 requests; // on the spoke
    uint256 claims; // at most 4
}

/// @notice What may happen next, and what it does.
library FlowSteps {
    using FlowModel for Flow;

    uint256 internal constant STEPS = uint256(type(Step).max) + 1;

    function atSpoke(Step x) internal pure returns (bool) {
        return x < Step.ArriveAtHub;
    }

    /// @notice Last of the numbers that a step can be about in a state; they count from 1.
    function subjects(Flow memory s, Step x) internal pure returns (uint256) {
        if (x == Step.CancelDeposit) return s.upLength;
        if (x == Step.SplitAtHub || x == Step.DeliverAtHub) return FlowModel.highest(s.upKnown);
        if (x == Step.Retry || x == Step.ReturnDeposit || x == Step.Decide || x == Step.Expire) return s.upConsumed;
        if (x >= Step.SplitAtSpoke && x <= Step.DeliverWhilePaused) return FlowModel.highest(s.downKnown);
        if (x >= Step.Claim && x <= Step.ReturnClaim) return s.downConsumed;
        if (x >= Step.Order && x <= Step.CancelOrdered) return s.claimCount;
        return 1;
    }

    /// @notice Whether a step stays within bounds. What does not is not asked, of neither model nor contracts.
    function within(Flow memory s, Bounds memory b, Step x, uint256 n) internal pure returns (bool) {
        if (x == Step.Deposit) return s.upLength < b.up && s.count(Leaf.DEPOSIT) < b.deposits;
        if (x == Step.Ask) return s.upLength < b.up && s.count(Leaf.REQUEST) < b.requests;
        if (x == Step.CancelDeposit || x == Step.ReturnClaim) return s.upLength < b.up;
        if (x == Step.DeliverAtSpoke || x == Step.DeliverWhilePaused) return s.upLength < b.up;
        // One part says what another would.
        if (x == Step.ClaimPart) return s.fateAt(n) != Fate.PART;
        if (x == Step.SplitAtSpoke) return n > s.downConsumed && !FlowModel.has(s.downKnown, n);
        if (x == Step.SplitAtHub) return n > s.upConsumed && !FlowModel.has(s.upKnown, n);
        if (x == Step.Request) return s.claimCount < b.claims && s.asked() < b.asked;
        if (x == Step.Decide || x == Step.ReturnDeposit) return s.claimCount < b.claims;
        if (x == Step.Order || x == Step.CancelOrdered) return s.downLength < b.down;
        return true;
    }

    /// @notice Whether the rules allow a step; what they do not, the contracts refuse.
    /// @param rules those that hold
    function allowed(Flow memory s, Step x, uint256 n, uint256 rules) internal pure returns (bool) {
        if (x == Step.CancelDeposit) {
            bool unflushed = n > s.upFlushed || rules & Rule.CANCEL_UNFLUSHED_ONLY == 0;
            return unflushed && s.kindAt(n) == Leaf.DEPOSIT && !FlowModel.has(s.voidedUp(), n);
        }
        if (x == Step.FlushUp) return s.upLength > s.upFlushed;
        if (x == Step.FlushDown) return s.downLength > s.downFlushed;
        if (x == Step.ArriveAtSpoke)
            return s.downFlushed > s.downConsumed && !FlowModel.has(s.downKnown, s.downFlushed);
        if (x == Step.ArriveAtHub) return s.upFlushed > s.upConsumed && !FlowModel.has(s.upKnown, s.upFlushed);
        if (x == Step.DeliverAtSpoke || x == Step.DeliverWhilePaused) return FlowModel.has(s.downKnown, n);
        if (x == Step.DeliverAtHub) return FlowModel.has(s.upKnown, n);
        if (x >= Step.Claim && x <= Step.ReturnClaim) return _ofClaimable(s, x, n, rules);
        if (x >= Step.Retry && x <= Step.Expire) return _ofParked(s, x, n, rules);
        if (x == Step.Request) return rules & Rule.BALANCE_COVERS == 0 || s.balance >= FlowModel.OFFSET + 4;
        if (x >= Step.Order && x <= Step.CancelOrdered) return _ofClaim(s, x, n, rules);
        return true;
    }

    function _ofClaimable(Flow memory s, Step x, uint256 n, uint256 rules) private pure returns (bool) {
        uint256 fate = s.fateAt(n);
        bool waits = fate == Fate.CLAIMABLE || fate == Fate.PART;
        if (x == Step.Claim) return waits || (fate == Fate.CLAIMED && rules & Rule.CLAIMED_ONCE == 0);
        if (x == Step.ClaimPart) return waits;
        if (s.orderAt(n) & Leaf.VOID_DOWN != 0 || s.isSentHome(s.orderAt(n))) return false;
        return waits || (fate == Fate.CLAIMED && rules & Rule.RETURNED_OR_CLAIMED == 0);
    }

    function _ofParked(Flow memory s, Step x, uint256 n, uint256 rules) private pure returns (bool) {
        uint256 status = s.statusAt(n);
        bool request = s.kindAt(n) == Leaf.REQUEST;
        if (x == Step.Decide) {
            bool recorded = status == Status.PARKED || (status == Status.CREDITED && rules & Rule.DECIDED_ONCE == 0);
            return request && recorded && (s.balance >= FlowModel.OFFSET + 3 || rules & Rule.BALANCE_COVERS == 0);
        }
        if (x == Step.Expire) return request && status == Status.PARKED;
        if (request) return false;
        bool again = rules & Rule.PARKED_ENDS_ONCE == 0;
        if (x == Step.Retry) return s.listed == 1 && (status == Status.PARKED || (status == Status.SENT_HOME && again));
        return status == Status.PARKED;
    }

    function _ofClaim(Flow memory s, Step x, uint256 n, uint256 rules) private pure returns (bool) {
        uint256 state = s.stateOf(n);
        if (x == Step.Order) return state == Claimed.QUEUED;
        if (s.isSentHome(n)) return false;
        if (x == Step.CancelOrdered) {
            bool unflushed = s.orderOf(n) > s.downFlushed || rules & Rule.VOID_UNFLUSHED_ORDERS_ONLY == 0;
            return state == Claimed.ORDERED && unflushed;
        }
        return state == Claimed.QUEUED || (state == Claimed.ORDERED && rules & Rule.ORDERED_IS_NOT_QUEUED == 0);
    }

    // ---- effects; each changes `s`

    function take(Flow memory s, Step x, uint256 n, uint256 rules) internal pure {
        if (x == Step.FlushUp) s.upFlushed = s.upLength;
        else if (x == Step.FlushDown) s.downFlushed = s.downLength;
        else if (x == Step.ArriveAtSpoke) s.downKnown |= FlowModel.bit(s.downFlushed);
        else if (x == Step.ArriveAtHub) s.upKnown |= FlowModel.bit(s.upFlushed);
        else if (x == Step.SplitAtHub) _splitUp(s, n, rules);
        else if (x == Step.SplitAtSpoke) _splitDown(s, n, rules);
        else if (x == Step.DeliverAtHub) _deliverUp(s, n, rules);
        else if (x == Step.ChangeStanding) s.listed = s.listed == 1 ? 2 : 1;
        else if (atSpoke(x)) _takeAtSpoke(s, x, n, rules);
        else _takeAtHub(s, x, n);
    }

    function _takeAtSpoke(Flow memory s, Step x, uint256 n, uint256 rules) private pure {
        if (x == Step.Deposit) {
            _push(s, Leaf.DEPOSIT, 0, s.count(Leaf.DEPOSIT));
        } else if (x == Step.Ask) {
            _push(s, Leaf.REQUEST, 0, 0);
        } else if (x == Step.CancelDeposit) {
            s.out += s.unitsAt(n);
            _push(s, Leaf.VOID, n, 0);
        } else if (x == Step.DeliverAtSpoke || x == Step.DeliverWhilePaused) {
            _deliverDown(s, n, x == Step.DeliverAtSpoke ? Fate.PAID : Fate.CLAIMABLE, rules);
        } else if (x == Step.Claim) {
            s.out += s.unitsOf(s.orderAt(n)) - (s.fateAt(n) == Fate.PART ? 1 : 0);
            _setFate(s, n, Fate.CLAIMED);
        } else if (x == Step.ClaimPart) {
            s.out += 1;
            _setFate(s, n, Fate.PART);
        } else {
            bool part = s.fateAt(n) == Fate.PART;
            _push(s, Leaf.REDEPOSIT, n, part ? 1 : 0);
            _setFate(s, n, part ? Fate.REST_RETURNED : Fate.RETURNED);
        }
    }

    function _takeAtHub(Flow memory s, Step x, uint256 n) private pure {
        if (x == Step.Retry) {
            (s.suspense, s.balance) = (s.suspense - s.unitsAt(n), s.balance + s.unitsAt(n));
            _setStatus(s, n, Status.CREDITED);
        } else if (x == Step.ReturnDeposit) {
            (s.suspense, s.reserved) = (s.suspense - s.unitsAt(n), s.reserved + s.unitsAt(n));
            _setStatus(s, n, Status.SENT_HOME);
            _newClaim(s, n);
        } else if (x == Step.Expire) {
            _setStatus(s, n, Status.SENT_HOME);
        } else if (x == Step.Order) {
            s.down |= n << (4 * s.downLength++);
            _setState(s, n, Claimed.ORDERED);
        } else if (x == Step.CancelClaim || x == Step.CancelOrdered) {
            (s.balance, s.reserved) = (s.balance + s.unitsOf(n), s.reserved - s.unitsOf(n));
            _setState(s, n, Claimed.CANCELLED);
            if (x == Step.CancelOrdered) s.down |= (Leaf.VOID_DOWN | s.orderOf(n)) << (4 * s.downLength++);
        } else {
            if (x == Step.Decide) _setStatus(s, n, Status.CREDITED);
            _newClaim(s, x == Step.Decide ? n : 0);
            uint256 units = s.unitsOf(s.claimCount);
            (s.balance, s.reserved) = (s.balance - units, s.reserved + units);
        }
    }

    function _newClaim(Flow memory s, uint256 origin) private pure {
        s.claims |= origin << (5 * s.claimCount++);
    }

    function _push(Flow memory s, uint256 kind, uint256 subject, uint256 extra) private pure {
        s.up |= (kind | (subject << 3) | (extra << 6)) << (8 * s.upLength++);
    }

    function _setStatus(Flow memory s, uint256 n, uint256 status) private pure {
        uint256 shift = 2 * (n - 1);
        s.status = (s.status & ~(3 << shift)) | (status << shift);
    }

    function _setFate(Flow memory s, uint256 n, uint256 fate) private pure {
        uint256 shift = 3 * (n - 1);
        s.fate = (s.fate & ~(7 << shift)) | (fate << shift);
    }

    function _setState(Flow memory s, uint256 claim, uint256 state) private pure {
        uint256 shift = 5 * (claim - 1) + 3;
        s.claims = (s.claims & ~(3 << shift)) | (state << shift);
    }

    // ---- split and deliver

    /// @dev Targets of VOIDs in first … last that lie below `below`.
    function _voids(
        Flow memory s,
        bool up,
        uint256 first,
        uint256 last,
        uint256 below
    ) private pure returns (uint256 m) {
        for (uint256 n = first; n <= last; ++n) {
            uint256 target;
            if (up) {
                (uint256 kind, uint256 subject, ) = s.leafAt(n);
                target = kind == Leaf.VOID ? subject : 0;
            } else if (s.orderAt(n) & Leaf.VOID_DOWN != 0) {
                target = s.orderAt(n) & 7;
            }
            if (target != 0 && target < below) m |= FlowModel.bit(target);
        }
    }

    function _splitUp(Flow memory s, uint256 to, uint256 rules) private pure {
        if (rules & Rule.SPLIT_KEEPS_VOIDS != 0) {
            s.upKept |= _voids(s, true, to + 1, FlowModel.highest(s.upKnown), to + 1) & ~_upTo(s.upConsumed);
        }
        s.upKnown |= FlowModel.bit(to);
    }

    function _splitDown(Flow memory s, uint256 to, uint256 rules) private pure {
        if (rules & Rule.SPLIT_KEEPS_VOIDS != 0) {
            s.downKept |= _voids(s, false, to + 1, FlowModel.highest(s.downKnown), to + 1) & ~_upTo(s.downConsumed);
        }
        s.downKnown |= FlowModel.bit(to);
    }

    function _upTo(uint256 n) private pure returns (uint256) {
        return (1 << n) - 1;
    }

    function _first(uint256 consumed, uint256 rules) private pure returns (uint256) {
        return rules & Rule.DELIVER_FROM_CONSUMED != 0 || consumed == 0 ? consumed + 1 : consumed;
    }

    function _deliverUp(Flow memory s, uint256 to, uint256 rules) private pure {
        uint256 first = _first(s.upConsumed, rules);
        uint256 dead = s.upKept;
        if (rules & Rule.COLLECT_BEFORE_APPLY != 0) dead |= _voids(s, true, first, to, to + 1);
        for (uint256 n = first; n <= to; ++n) {
            (uint256 kind, uint256 subject, uint256 extra) = s.leafAt(n);
            if (kind == Leaf.RECEIPT) _receipt(s, subject, extra);
            if (kind == Leaf.REQUEST) _setStatus(s, n, Status.PARKED);
            if (!s.isDeposit(n) || FlowModel.has(dead, n)) continue;
            if (s.listed == 1) s.balance += s.unitsAt(n);
            else s.suspense += s.unitsAt(n);
            _setStatus(s, n, s.listed == 1 ? Status.CREDITED : Status.PARKED);
        }
        s.upConsumed = to;
        (s.upKnown, s.upKept) = (s.upKnown & ~_upTo(to), s.upKept & ~_upTo(to));
    }

    function _receipt(Flow memory s, uint256 first, uint256 more) private pure {
        if (first <= s.receipted) return;
        for (uint256 n = first; n <= first + more; ++n) {
            if (s.fateAt(n) != 0) s.reserved -= s.unitsOf(s.orderAt(n));
        }
        uint256 last = s.lastOrder();
        s.receipted = first + more < last ? first + more : last;
    }

    function _deliverDown(Flow memory s, uint256 to, uint256 fate, uint256 rules) private pure {
        uint256 first = _first(s.downConsumed, rules);
        uint256 dead = s.downKept;
        if (rules & Rule.COLLECT_BEFORE_APPLY != 0) dead |= _voids(s, false, first, to, to + 1);
        bool settled;
        for (uint256 n = first; n <= to; ++n) {
            if (s.orderAt(n) & Leaf.VOID_DOWN != 0 || FlowModel.has(dead, n)) continue;
            settled = true;
            _setFate(s, n, fate);
            if (fate == Fate.PAID) s.out += s.unitsOf(s.orderAt(n));
        }
        if (settled) _push(s, Leaf.RECEIPT, first, to - first);
        s.downConsumed = to;
        (s.downKnown, s.downKept) = (s.downKnown & ~_upTo(to), s.downKept & ~_upTo(to));
    }
}
