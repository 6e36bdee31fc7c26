// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedWord, Kind} from "./FeedWord.sol";
import {Haircuts, Requirement} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";
import {Wad} from "./Wad.sol";

/// @notice Haircuts by asset, by amount, by chain and by the chain's state: one table for every engine.
contract CollateralRules is ICollateralRules, AccessManaged {
    uint256 private constant RATE_ONE = 1e9;
    /// @dev A rate of 1e-9, as a wad.
    int256 private constant RATE_TO_WAD = 1e9;
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
        _listed[assetId] = true;
        emit AssetRuleSet(assetId, rule);
    }

    /// @inheritdoc ICollateralRules
    function setChainRates(uint32 eid, Rates calldata rates) external restricted {
        _chains[eid].rates = rates;
        emit ChainRatesSet(eid, rates);
    }

    /// @inheritdoc ICollateralRules
    function setStateRates(ChainState state, Rates calldata rates) external restricted {
        require(state != ChainState.Healthy, StateInvalid(0, state, "a state worse than healthy"));
        _states[state] = rates;
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
        // CAST: seconds fit 40 bits for 34,000 years.
        (chain.state, chain.since, chain.rampSeconds) = (state, uint40(block.timestamp), rampSeconds);
        emit ChainStateSet(eid, state, rampSeconds);
    }

    // ---- views

    /// @inheritdoc ICollateralRules
    function lotsOf(
        uint256[] calldata words
    ) external view returns (Haircuts.Lot[] memory lots, Haircuts.Tier[][] memory classes, Grade grade, uint40 oldest) {
        lots = new Haircuts.Lot[](words.length * 2);
        oldest = type(uint40).max;
        uint256 count;
        uint256 largestClass;
        for (uint256 i = 0; i < lots.length; ++i) {
            (uint16 assetId, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            if (amount == 0 || !_listed[assetId]) continue;
            AssetRule memory rule = _assets[assetId];
            IFeeds.Point memory point = feeds.point(FeedWord.id(rule.underlying, Kind.Spot, 0));
            grade = FeedGrade.worse(grade, point.grade);
            if (point.time < oldest) oldest = point.time;
            lots[count++] = Haircuts.Lot({
                class: rule.class,
                value: Wad.mulDown(_wad(amount, rule.decimals), int256(uint256(point.value))),
                chain: _chainRates(rule.eid)
            });
            if (rule.class > largestClass) largestClass = rule.class;
        }
        assembly ("memory-safe") {
            mstore(lots, count)
        }
        classes = new Haircuts.Tier[][](count == 0 ? 0 : largestClass + 1);
        for (uint256 i = 0; i < count; ++i) {
            uint256 class = lots[i].class;
            // CAST: a class has eight bits.
            if (classes[class].length == 0) classes[class] = _tiers(uint8(class));
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

    function _chainRates(uint32 eid) private view returns (Requirement memory) {
        Chain storage chain = _chains[eid];
        (ChainState state, uint256 ramp) = chainStateOf(eid);
        Rates memory own = chain.rates;
        Rates memory added = _states[state];
        return
            Haircuts.chainRates(
                int256(uint256(own.maintenance)) * RATE_TO_WAD,
                int256(uint256(own.initialExtra)) * RATE_TO_WAD,
                int256(uint256(added.maintenance)) * RATE_TO_WAD,
                int256(uint256(added.initialExtra)) * RATE_TO_WAD,
                int256(ramp)
            );
    }

    function _tiers(uint8 class) private view returns (Haircuts.Tier[] memory tiers) {
        ClassTier[] storage stored = _classes[class];
        tiers = new Haircuts.Tier[](stored.length);
        for (uint256 i = 0; i < tiers.length; ++i) {
            ClassTier memory tier = stored[i];
            tiers[i] = Haircuts.Tier({
                from: int256(uint256(tier.from)),
                maintenance: int256(uint256(tier.maintenance)) * RATE_TO_WAD,
                initialExtra: int256(uint256(tier.initialExtra)) * RATE_TO_WAD
            });
        }
    }

    /// @dev Base units to 18 decimals, rounded down.
    function _wad(uint256 amount, uint8 decimals) private pure returns (int256) {
        // CAST: below 2^108 * 10^18.
        return int256(decimals <= 18 ? amount * 10 ** (18 - decimals) : amount / 10 ** (decimals - 18));
    }
}
