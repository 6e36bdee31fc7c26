// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Flow, FlowModel} from "./FlowModel.sol";
import {Bounds, FlowSteps, Rule, Step} from "./FlowSteps.sol";
import {FlowDriver} from "./FlowDriver.sol";

/// @notice EXHAUSTIVE, within `_bounds`: every state that deposit, void, flush, arrive, split, deliver, park, retry, return, forced request,
///         decide, expire, request, order, cancel, release, claim, partial claim, return of a claim and receipt can reach, in every order
///         and to any depth. In each the invariants hold; each step takes the real contracts of its end exactly where it takes the model;
///         what the rules do not allow, the contracts refuse. Without any one of the rules an invariant breaks.
/// @dev setUp walks the model breadth first. A step happens at one end and the ends share nothing but the logs, so it is driven once for
///      each state of its end, with every history that leads there. The contracts reach a state along a tree of such steps; a branch is
///      taken back by reverting the call that walked it.
contract WithdrawalEnumerationTest is FlowDriver {
    using FlowModel for Flow;

    // As many as there are: a change of rules or bounds shows here.
    uint256 private constant STATES = 88_657;
    uint256 private constant TRANSITIONS = 338_388;
    uint256 private constant SPOKE_STEPS = 13_663;
    uint256 private constant HUB_STEPS = 64_274;

    uint256 private constant TABLE_BITS = 19;
    uint256 private constant MOST_STATES = 1 << 17;
    uint256 private constant AT_HUB = 1 << 180;
    uint256 private constant ID_BITS = 24;
    // A step from a node: next step of that node 32 ‖ to 32 ‖ first to reach it 8 ‖ step 8 ‖ subject 8
    uint256[] private _edges;
    // A node: first step 32, above it the state of an end.
    uint256[] private _nodes;
    uint256 private _states;
    uint256 private _transitions;

    struct Walk {
        uint256[] seen; // state or step, above its number + 1
        uint256[] queue;
        uint256 tail;
        uint256 transitions;
        uint256 rules;
        bytes32 broken;
        bool record;
    }

    error Undone(uint256 steps, uint256 refused);
    error Disagrees(Step step, uint256 subject, bytes32 state, bytes reason);

    function _bounds() private pure returns (Bounds memory) {
        return Bounds({up: 4, down: 2, deposits: 2, asked: 1, requests: 1, claims: 2});
    }

    /// @dev Enough to break every rule's invariant.
    function _fewer() private pure returns (Bounds memory) {
        return Bounds({up: 4, down: 2, deposits: 1, asked: 1, requests: 1, claims: 2});
    }

    function setUp() external {
        _edges.push();
        Walk memory w = _explore(_bounds(), Rule.ALL, true);
        require(w.broken == 0, string(abi.encodePacked(w.broken)));
        (_states, _transitions) = (w.tail, w.transitions);
    }

    // ---- the model

    function _explore(Bounds memory b, uint256 rules, bool record) private returns (Walk memory w) {
        w.seen = new uint256[](1 << TABLE_BITS);
        w.queue = new uint256[](MOST_STATES);
        (w.rules, w.record) = (rules, record);
        uint256 root = FlowModel.genesis().pack();
        (w.queue[0], w.tail) = (root, 1);
        _number(w.seen, root, 0);
        if (record) {
            _node(w, FlowModel.genesis().ofSpoke().pack());
            _node(w, FlowModel.genesis().ofHub().pack() | AT_HUB);
        }
        uint256 free = _freePointer();
        for (uint256 i; i < w.tail && w.broken == 0; ++i) {
            _expand(w, b, w.queue[i]);
            _release(free);
        }
    }

    function _expand(Walk memory w, Bounds memory b, uint256 packed) private {
        Flow memory s = FlowModel.unpack(packed);
        for (uint256 x; x < FlowSteps.STEPS; ++x) {
            uint256 last = FlowSteps.subjects(s, Step(x));
            for (uint256 n = 1; n <= last; ++n) {
                if (!FlowSteps.within(s, b, Step(x), n) || !FlowSteps.allowed(s, Step(x), n, w.rules)) continue;
                _follow(w, s, packed, Step(x), n);
            }
        }
    }

    function _follow(Walk memory w, Flow memory s, uint256 packed, Step x, uint256 n) private {
        Flow memory next = FlowModel.unpack(packed);
        FlowSteps.take(next, x, n, w.rules);
        ++w.transitions;
        if (w.record) _record(w, s, x, n, next);
        uint256 key = next.pack();
        (, bool fresh) = _number(w.seen, key, w.tail);
        if (!fresh) return;
        w.broken = w.broken == 0 ? next.broken() : w.broken;
        w.queue[w.tail++] = key;
    }

    // ---- what the ends are driven through

    function _record(Walk memory w, Flow memory s, Step x, uint256 n, Flow memory next) private {
        bool spokes = FlowSteps.atSpoke(x);
        uint256 mark = spokes ? 0 : AT_HUB;
        (uint256 from, ) = _number(w.seen, (spokes ? s.ofSpoke() : s.ofHub()).pack() | mark | (1 << 181), 0);
        uint256 known = _nodes.length;
        uint256 to = _node(w, (spokes ? next.ofSpoke() : next.ofHub()).pack() | mark);
        uint256 label = (uint256(x) << 8) | n;
        uint256 pair = (1 << 200) | (from << 48) | (to << 16) | label;
        (, bool fresh) = _number(w.seen, pair, 0);
        if (!fresh) return;
        uint256 first = _nodes[from] & type(uint32).max;
        _nodes[from] = ((_nodes[from] >> 32) << 32) | _edges.length;
        _edges.push(first | (to << 32) | (uint256(to == known ? 1 : 0) << 64) | (label << 72));
    }

    function _node(Walk memory w, uint256 state) private returns (uint256 id) {
        bool fresh;
        (id, fresh) = _number(w.seen, state | (1 << 181), _nodes.length);
        if (fresh) _nodes.push(state << 32);
    }

    /// @dev The number a key was given; gives it one if it is new. Open hash table.
    function _number(uint256[] memory seen, uint256 key, uint256 fresh) private pure returns (uint256 id, bool isNew) {
        unchecked {
            // Injective: keys have at most 232 bits.
            uint256 slot =
                (key * 0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95) >> (256 - TABLE_BITS);
            while (true) {
                uint256 found = seen[slot];
                if (found == 0) break;
                if (found >> ID_BITS == key) return ((found & ((1 << ID_BITS) - 1)) - 1, false);
                slot = (slot + 1) & ((1 << TABLE_BITS) - 1);
            }
            seen[slot] = (key << ID_BITS) | (fresh + 1);
            return (fresh, true);
        }
    }

    function _freePointer() private pure returns (uint256 pointer) {
        assembly {
            pointer := mload(0x40)
        }
    }

    /// @dev What was allocated since is garbage.
    function _release(uint256 pointer) private pure {
        assembly {
            mstore(0x40, pointer)
        }
    }

    // ---- the contracts

    /// @dev Takes the step and all that follow it in the tree; then takes everything back by reverting with what it counted.
    function walk(uint256 from, uint256 edge) external {
        require(msg.sender == address(this));
        uint256 to = (edge >> 32) & type(uint32).max;
        (Step x, uint256 n) = (Step((edge >> 80) & 0xff), (edge >> 72) & 0xff);
        Flow memory s = FlowModel.unpack(_nodes[from] >> 32);
        Flow memory next = FlowModel.unpack(_nodes[to] >> 32);
        _act(s, x, n, next);
        if (FlowSteps.atSpoke(x)) _compareSpoke(next);
        else _compareHub(next);
        bool first = (edge >> 64) & 1 != 0;
        (uint256 steps, uint256 refused) = first ? _walkFrom(to) : (0, 0);
        revert Undone(steps + 1, refused);
    }

    function _walkFrom(uint256 node) private returns (uint256 steps, uint256 refused) {
        uint256 i = _nodes[node] & type(uint32).max;
        uint256 free = _freePointer();
        while (i != 0) {
            uint256 edge = _edges[i];
            (uint256 more, uint256 no) = _walk(node, edge);
            (steps, refused) = (steps + more, refused + no);
            i = edge & type(uint32).max;
            _release(free);
        }
        refused += _refusals(_nodes[node] >> 32);
    }

    function _walk(uint256 from, uint256 edge) private returns (uint256 steps, uint256 refused) {
        (, bytes memory reason) = address(this).call(abi.encodeCall(this.walk, (from, edge)));
        if (bytes4(reason) == Disagrees.selector) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
        if (bytes4(reason) != Undone.selector) {
            revert Disagrees(Step((edge >> 80) & 0xff), (edge >> 72) & 0xff, bytes32(_nodes[from] >> 32), reason);
        }
        assembly ("memory-safe") {
            steps := mload(add(reason, 0x24))
            refused := mload(add(reason, 0x44))
        }
    }

    /// @dev What the rules do not allow in a state must fail, whatever the bounds of the walk left out.
    function _refusals(uint256 state) private returns (uint256 refused) {
        bool hubs = state & AT_HUB != 0;
        Flow memory s = FlowModel.unpack(state);
        for (
            uint256 x = hubs ? uint256(Step.ArriveAtHub) : 0;
            x < (hubs ? FlowSteps.STEPS : uint256(Step.ArriveAtHub));
            ++x
        ) {
            // Nothing arrives where nothing was sent.
            if (Step(x) == Step.ArriveAtHub || Step(x) == Step.ArriveAtSpoke) continue;
            // What is refused before a claim is the same for cash.
            if (fromCash && Step(x) < Step.Request && Step(x) != Step.Decide) continue;
            uint256 last = FlowSteps.subjects(s, Step(x));
            for (uint256 n = 1; n <= last; ++n) {
                if (FlowSteps.allowed(s, Step(x), n, Rule.ALL)) continue;
                try this.attempt(state, Step(x), n) {
                    revert(string.concat("allowed: step ", vm.toString(x), " of ", vm.toString(n)));
                } catch {
                    ++refused;
                }
            }
        }
    }

    function attempt(uint256 state, Step x, uint256 n) external {
        require(msg.sender == address(this));
        Flow memory s = FlowModel.unpack(state);
        _act(s, x, n, s);
    }

    function _drive(uint256 root) private returns (uint256 steps) {
        uint256 refused;
        (steps, refused) = _walkFrom(root);
        assertGt(refused, 10_000, "what the rules forbid was tried");
    }

    // ---- tests

    function test_GivenTheModel_ItHasAsManyStatesAsItAlwaysHad() external {
        assertEq(_states, STATES);
        assertEq(_transitions, TRANSITIONS);
    }

    function test_GivenEveryStateOfTheSpoke_EveryStepAgreesWithTheModel() external {
        _buildFlow(false, 18);
        assertEq(_drive(0), SPOKE_STEPS);
    }

    function test_GivenEveryStateOfTheHub_EveryStepAgreesWithTheModel() external {
        _buildFlow(false, 18);
        assertEq(_drive(1), HUB_STEPS);
    }

    function test_GivenCash_EveryStepOfTheHubAgreesWithTheModel() external {
        _buildFlow(true, 6);
        assertEq(_drive(1), HUB_STEPS);
    }

    function test_GivenAllRulesButOne_AnInvariantBreaks() external {
        for (uint256 rule = 1; rule < Rule.ALL; rule <<= 1) {
            uint256 free = _freePointer();
            Walk memory w = _explore(_fewer(), Rule.ALL & ~rule, false);
            assertTrue(w.broken != 0, string.concat("nothing breaks without rule ", vm.toString(rule)));
            _release(free);
        }
    }
}
