// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {CodeStore} from "./CodeStore.sol";
import {CollateralLots} from "./CollateralLots.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {Haircuts, Requirement} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";
import {RulesTable} from "./RulesTable.sol";
import {Wad} from "./Wad.sol";

/// @notice Haircuts by asset, by amount, by chain and by the chain's state: one table for every engine.
/// @dev What valuation reads is kept a second time, table, as contract code (see RulesTable): every change writes it anew.
contract CollateralRules is ICollateralRules, AccessManaged {
    uint256 private constant RATE_ONE = 1e9;
    uint256 private constant WAD = 1e18;
    uint256 private constant MAX_DECIMALS = 36;
    uint256 private constant MAX_TIERS = 8;

    struct Chain {
        Rates rates;
        ChainState state;
        uint40 since;
        uint32 rampSeconds;
    }

    IFeeds public immutable feeds;
    mapping(uint16 assetId => AssetRule) private _assets;
    mapping(uint16 assetId => bool) private _listed;
    mapping(uint8 class => ClassTier[]) private _classes;
    mapping(uint32 eid => Chain) private _chains;
    mapping(ChainState state => Rates) private _states;
    /// @dev All that ever had a rule, and the number of classes up to the highest.
    uint16[] private _ids;
    uint256 private _classCount;
    address private _table;
    /// @inheritdoc ICollateralRules
    /// @dev In the slot of the table: who asks has had collateral valued.
    uint96 public chainsImpaired;

    constructor(address authority_, address feeds_) AccessManaged(authority_) {
        feeds = IFeeds(feeds_);
    }

    // ---- governance (restricted)

    /// @inheritdoc ICollateralRules
    function setClass(uint8 class, ClassTier[] calldata tiers) external restricted {
        require(tiers.length != 0 && tiers.length <= MAX_TIERS, ClassInvalid(class, "1 ... 8 tiers"));
        delete _classes[class];
        for (uint256 i = 0; i < tiers.length; ++i) {
            require(
                i == 0 ? tiers[i].from == 0 : tiers[i].from > tiers[i - 1].from,
                ClassInvalid(class, "tiers from 0 that rise")
            );
            // A larger holding is never haircut less at its margin: it could be split to count more.
            require(
                i == 0 ||
                    (tiers[i].maintenance >= tiers[i - 1].maintenance &&
                        tiers[i].initialExtra >= tiers[i - 1].initialExtra),
                ClassInvalid(class, "rates that do not fall")
            );
            require(tiers[i].maintenance <= RATE_ONE, ClassInvalid(class, "maintenance at most 10^9"));
            _classes[class].push(tiers[i]);
        }
        if (class >= _classCount) _classCount = uint256(class) + 1;
        _writeTable();
        emit ClassSet(class, tiers);
    }

    /// @inheritdoc ICollateralRules
    function setAssetRule(uint16 assetId, AssetRule calldata rule) external restricted {
        require(assetId != 0, RuleInvalid(assetId, "an asset"));
        require(rule.decimals <= MAX_DECIMALS, RuleInvalid(assetId, "decimals at most 36"));
        require(_classes[rule.class].length != 0, RuleInvalid(assetId, "a class that is set"));
        (IFeeds.SpotMode mode, , ) = feeds.underlyingOf(rule.underlying);
        require(mode != IFeeds.SpotMode.Unlisted, RuleInvalid(assetId, "an underlying with a feed"));
        _assets[assetId] = rule;
        if (!_listed[assetId]) _ids.push(assetId);
        _listed[assetId] = true;
        _writeTable();
        emit AssetRuleSet(assetId, rule);
    }

    /// @inheritdoc ICollateralRules
    function succeed(uint16 assetId, uint16 successor) external restricted {
        if (!_listed[assetId]) return;
        require(!_listed[successor], RuleInvalid(successor, "an asset without a rule"));
        (_assets[successor], _listed[successor]) = (_assets[assetId], true);
        delete _assets[assetId];
        delete _listed[assetId];
        for (uint256 i = 0; i < _ids.length; ++i) if (_ids[i] == assetId) _ids[i] = successor;
        _writeTable();
        emit AssetSucceeded(assetId, successor);
    }

    /// @inheritdoc ICollateralRules
    function setChainRates(uint32 eid, Rates calldata rates) external restricted {
        _chains[eid].rates = rates;
        _writeTable();
        emit ChainRatesSet(eid, rates);
    }

    /// @inheritdoc ICollateralRules
    function setStateRates(ChainState state, Rates calldata rates) external restricted {
        require(state != ChainState.Healthy, StateInvalid(0, state, "a state worse than healthy"));
        _states[state] = rates;
        _writeTable();
        emit StateRatesSet(state, rates);
    }

    /// @inheritdoc ICollateralRules
    function worsenChain(uint32 eid, ChainState state, uint32 rampSeconds) external restricted {
        require(state > _chains[eid].state, StateInvalid(eid, state, "a worse state"));
        _setState(eid, state, rampSeconds);
    }

    /// @inheritdoc ICollateralRules
    function restoreChain(uint32 eid, ChainState state) external restricted {
        require(state < _chains[eid].state, StateInvalid(eid, state, "a better state"));
        _setState(eid, state, 0);
    }

    function _setState(uint32 eid, ChainState state, uint32 rampSeconds) private {
        Chain storage chain = _chains[eid];
        if (chain.state == ChainState.Healthy) ++chainsImpaired;
        if (state == ChainState.Healthy) --chainsImpaired;
        // CAST: seconds fit 40 bits for 34,000 years.
        (chain.state, chain.since, chain.rampSeconds) = (state, uint40(block.timestamp), rampSeconds);
        _writeTable();
        emit ChainStateSet(eid, state, rampSeconds);
    }

    function _writeTable() private {
        RulesTable.Entry[] memory entries = new RulesTable.Entry[](_ids.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            AssetRule storage rule = _assets[_ids[i]];
            Chain storage chain = _chains[rule.eid];
            Rates storage state = _states[chain.state];
            entries[i] = RulesTable.Entry({
                assetId: _ids[i],
                underlying: rule.underlying,
                decimals: rule.decimals,
                class: rule.class,
                own: chain.rates,
                state: state,
                since: chain.since,
                rampSeconds: chain.rampSeconds
            });
        }
        ClassTier[][] memory classes = new ClassTier[][](_classCount);
        // CAST: a class has eight bits.
        for (uint256 i = 0; i < classes.length; ++i) classes[i] = _classes[uint8(i)];
        _table = CodeStore.write(RulesTable.encode(entries, classes));
    }

    // ---- views

    /// @inheritdoc ICollateralRules
    /// @dev Equal to Haircuts.sum over lotsOf, without their structs.
    function valueOf(uint256[] calldata words) external view returns (Value memory value) {
        unchecked {
            uint256[] memory table = CodeStore.read(_table);
            uint256[] memory rules = new uint256[](words.length * 2);
            uint256[] memory prices = new uint256[](words.length * 2);
            uint256[] memory balances = new uint256[](words.length * 2);
            uint256[] memory lots = new uint256[](words.length * 4);
            value.oldest = type(uint40).max;
            uint256 count;
            uint256 firsts;
            uint256 length = words.length * 2;
            for (uint256 i = 0; i < length; ++i) {
                uint256 word;
                assembly ("memory-safe") {
                    word := calldataload(add(words.offset, shl(5, shr(1, i))))
                }
                (uint16 assetId, uint256 amount) = Holdings.lot(word, i & 1);
                if (amount == 0) continue;
                uint256 rule = RulesTable.ruleOf(table, assetId);
                if (rule == 0) continue;
                RulesTable.set(rules, count, rule);
                uint256 price = _price(rules, prices, count, value);
                RulesTable.set(prices, count, price);
                uint256 worth = RulesTable.worth(rule, amount, price);
                value.total += int256(worth);
                if (RulesTable.classIn(rule) == RulesTable.classIn(RulesTable.at(rules, 0))) firsts += worth;
                RulesTable.set(lots, 2 * count, rule);
                RulesTable.set(lots, 2 * count + 1, worth);
                RulesTable.set(balances, count++, worth | (uint256(RulesTable.underlying(rule)) << 240));
            }
            uint256 first;
            assembly ("memory-safe") {
                mstore(balances, count)
                first := add(lots, 32)
            }
            value.balances = balances;
            value.haircuts = RulesTable.haircuts(table, first, first + (count << 6), firsts);
        }
    }

    /// @inheritdoc ICollateralRules
    /// @dev Equal to valueOf and IFeeds.packedQuotesOf. The answer of the feeds is continued where it stands.
    function quotesWith(uint256[] calldata words, uint256[] calldata asked) external view returns (uint256[] memory) {
        unchecked {
            uint256[] memory table = CodeStore.read(_table);
            (uint256 question, uint256 count, uint256 lots, uint256 end) = CollateralLots.ask(words, table, asked);
            uint256 answer = _answer(question, count, 3 + asked.length);
            // What stands beside the prices asked for is laid down behind all of them first, and then over those that only collateral needed.
            uint256 beside = answer + 96 + (count << 6);
            uint256 first = CollateralLots.value(lots, end, answer + 96, beside, asked.length);
            Requirement memory haircuts = RulesTable.haircuts(table, lots, end, first);
            (int256 initial, int256 maintenance) = (haircuts.initial, haircuts.maintenance);
            assembly ("memory-safe") {
                mstore(add(beside, 32), initial)
                mstore(add(beside, 64), maintenance)
                mcopy(add(answer, add(96, shl(6, asked.length))), beside, add(96, shl(5, asked.length)))
                mstore(answer, 32)
                mstore(add(answer, 32), add(4, mul(3, asked.length)))
                return(answer, add(192, mul(96, asked.length)))
            }
        }
    }

    /// @param question room for a selector, place and length of the array, then what is asked
    /// @param more     words to leave room for behind the answer
    function _answer(uint256 question, uint256 count, uint256 more) private view returns (uint256 answer) {
        uint256 selector = uint32(IFeeds.packedQuotesOf.selector);
        address source = address(feeds);
        assembly ("memory-safe") {
            mstore(question, selector)
            mstore(add(question, 32), 32)
            mstore(add(question, 64), count)
            answer := mload(0x40)
            let size := add(96, shl(6, count))
            mstore(0x40, add(answer, add(size, shl(5, more))))
            if iszero(staticcall(gas(), source, add(question, 28), add(68, shl(5, count)), answer, size)) {
                returndatacopy(answer, 0, returndatasize())
                revert(answer, returndatasize())
            }
            if lt(returndatasize(), size) {
                revert(0, 0)
            }
        }
    }

    /// @inheritdoc ICollateralRules
    function lotsOf(
        uint256[] calldata words
    ) external view returns (Haircuts.Lot[] memory lots, Haircuts.Tier[][] memory classes, Grade grade, uint40 oldest) {
        uint256[] memory table = CodeStore.read(_table);
        Value memory value;
        lots = _lots(words, table, value, false);
        classes = RulesTable.classesOf(table, lots);
        (grade, oldest) = (value.grade, value.oldest);
    }

    /// @inheritdoc ICollateralRules
    function offersOf(uint256[] calldata words) external view returns (Offer[] memory offers) {
        uint256[] memory table = CodeStore.read(_table);
        Value memory value;
        Haircuts.Lot[] memory lots = _lots(words, table, value, false);
        Haircuts.Tier[][] memory classes = RulesTable.classesOf(table, lots);
        offers = new Offer[](lots.length);
        uint256 count;
        for (uint256 i = 0; i < words.length * 2; ++i) {
            (uint16 assetId, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            uint256 rule = RulesTable.ruleOf(table, assetId);
            if (amount == 0 || rule == 0) continue;
            bool priced = feeds.quoteOf(RulesTable.underlying(rule), false).grade <= Grade.Aged;
            Haircuts.Lot memory lot = lots[count];
            Haircuts.Tier[] memory tiers = classes[lot.class];
            int256 own = tiers.length == 0 ? int256(0) : Wad.min(Wad.ONE, tiers[0].maintenance + tiers[0].initialExtra);
            // CAST: balances have 108 bits; values and rates are not negative.
            offers[count++] = Offer(
                assetId,
                uint128(amount),
                uint256(lot.value),
                priced ? uint256(Wad.mulDown(Wad.ONE - own, Wad.ONE - lot.chain.initial)) : 0
            );
        }
    }

    /// @inheritdoc ICollateralRules
    function impairmentOf(uint256[] calldata words) external view returns (uint256 impairment, uint40 since) {
        uint256[] memory table = CodeStore.read(_table);
        for (uint256 i = 0; i < words.length * 2; ++i) {
            (uint16 assetId, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            uint40 began = amount == 0 ? 0 : RulesTable.impairedSince(RulesTable.ruleOf(table, assetId));
            if (began > since) since = began;
        }
        if (since == 0) return (0, 0);
        Value memory value;
        Haircuts.Lot[] memory lots = _lots(words, table, value, false);
        Haircuts.Tier[][] memory classes = RulesTable.classesOf(table, lots);
        int256 taken = Haircuts.sum(lots, classes).maintenance;
        // CAST: states only add.
        impairment = uint256(taken - Haircuts.sum(_lots(words, table, value, true), classes).maintenance);
    }

    /// @dev `value` takes the grade and the age of the prices.
    /// @param healthy as if every chain were
    function _lots(
        uint256[] calldata words,
        uint256[] memory table,
        Value memory value,
        bool healthy
    ) private view returns (Haircuts.Lot[] memory lots) {
        lots = new Haircuts.Lot[](words.length * 2);
        uint256[] memory rules = new uint256[](lots.length);
        uint256[] memory prices = new uint256[](lots.length);
        value.oldest = type(uint40).max;
        uint256 count;
        for (uint256 i = 0; i < rules.length; ++i) {
            (uint16 assetId, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            uint256 rule = RulesTable.ruleOf(table, assetId);
            if (amount == 0 || rule == 0) continue;
            rules[count] = rule;
            prices[count] = _price(rules, prices, count, value);
            if (healthy) rule = RulesTable.healthy(rule);
            lots[count] = Haircuts.Lot({
                class: RulesTable.classIn(rule),
                // CAST: below 2^120.
                value: int256(RulesTable.worth(rule, amount, prices[count])),
                chain: RulesTable.chainRates(rule)
            });
            ++count;
        }
        assembly ("memory-safe") {
            mstore(lots, count)
        }
    }

    /// @dev Of the last rule's underlying, read once.
    function _price(
        uint256[] memory rules,
        uint256[] memory prices,
        uint256 last,
        Value memory value
    ) private view returns (uint256) {
        unchecked {
            uint16 underlying = RulesTable.underlying(RulesTable.at(rules, last));
            for (uint256 i = 0; i < last; ++i)
                if (RulesTable.underlying(RulesTable.at(rules, i)) == underlying) return RulesTable.at(prices, i);
            IFeeds.Quote memory quote = feeds.quoteOf(underlying, false);
            value.grade = FeedGrade.worse(value.grade, quote.grade);
            if (quote.oldest < value.oldest) value.oldest = quote.oldest;
            return quote.spot;
        }
    }

    /// @inheritdoc ICollateralRules
    function classOf(uint8 class) external view returns (ClassTier[] memory) {
        return _classes[class];
    }

    /// @inheritdoc ICollateralRules
    function assetRuleOf(uint16 assetId) external view returns (bool listed, AssetRule memory rule) {
        return (_listed[assetId], _assets[assetId]);
    }

    /// @inheritdoc ICollateralRules
    function chainStateOf(uint32 eid) public view returns (ChainState state, uint256 ramp) {
        Chain storage chain = _chains[eid];
        state = chain.state;
        uint256 elapsed = block.timestamp - chain.since;
        ramp = elapsed >= chain.rampSeconds ? WAD : (elapsed * WAD) / chain.rampSeconds;
    }
}
