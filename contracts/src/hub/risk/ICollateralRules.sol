// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "./FeedGrade.sol";
import {Haircuts, Requirement} from "./Haircuts.sol";

/// @notice What each asset of the ledger is worth as margin: its price feed, its haircut, and what its chain adds.
interface ICollateralRules {
    /// @notice Standing of the chain that holds collateral; each worse one adds to the haircut.
    enum ChainState {
        Healthy,
        Degraded,
        Quarantined,
        WrittenDown
    }

    /// @param underlying whose spot prices it
    /// @param decimals   of the token, at most 36
    /// @param class      of its haircut, as listed by setClass
    /// @param eid        of the chain whose vault holds it
    struct AssetRule {
        uint16 underlying;
        uint8 decimals;
        uint8 class;
        uint32 eid;
    }

    /// @notice Rates, 1e-9: maintenance, and what initial margin adds to it.
    struct Rates {
        uint32 maintenance;
        uint32 initialExtra;
    }

    /// @notice Haircut of the part of a value from `from` (18 decimals) up to the next tier; rates 1e-9.
    struct ClassTier {
        uint128 from;
        uint32 maintenance;
        uint32 initialExtra;
    }

    /// @notice What packed collateral comes to, 18 decimals.
    /// @param total    before any haircut
    /// @param haircuts of all of it together
    /// @param balances one per balance that counts: value uint240 | underlying that prices it uint16
    /// @param grade    worst grade of the prices used
    /// @param oldest   time of the oldest price used, the largest there is if none was
    struct Value {
        int256 total;
        Requirement haircuts;
        uint256[] balances;
        Grade grade;
        uint40 oldest;
    }

    /// @notice A balance that could be sold.
    /// @param amount base units of the token
    /// @param value  at the mark, before haircuts, 18 decimals
    /// @param rate   what a unit of its value is expected to cover, 18 decimals: (1 - initial haircut of its class' first tier) ·
    ///               (1 - initial rate of its chain and the chain's state), rounded down; 0 at a price that is neither fresh nor aged
    struct Offer {
        uint16 assetId;
        uint128 amount;
        uint256 value;
        uint256 rate;
    }

    event AssetRuleSet(uint16 indexed assetId, AssetRule rule);
    /// @notice What the asset's rule said holds for its successor from now on; the asset counts nothing.
    event AssetSucceeded(uint16 indexed assetId, uint16 indexed successor);
    event ClassSet(uint8 indexed class, ClassTier[] tiers);
    event ChainRatesSet(uint32 indexed eid, Rates rates);
    event StateRatesSet(ChainState indexed state, Rates rates);
    event ChainStateSet(uint32 indexed eid, ChainState state, uint32 rampSeconds);

    error ClassInvalid(uint8 class, string expected);
    error RuleInvalid(uint16 assetId, string expected);
    error StateInvalid(uint32 eid, ChainState state, string expected);

    // ---- governance

    /// @notice Haircut classes, marginal by value, the first tier from 0. GOVERNOR, delayed.
    function setClass(uint8 class, ClassTier[] calldata tiers) external;
    /// @notice How an asset counts; an asset without a rule counts nothing. GOVERNOR, delayed.
    function setAssetRule(uint16 assetId, AssetRule calldata rule) external;
    /// @notice What a chain adds always. GOVERNOR, delayed.
    function setChainRates(uint32 eid, Rates calldata rates) external;
    /// @notice What a state adds, wherever it is. GOVERNOR, delayed.
    function setStateRates(ChainState state, Rates calldata rates) external;
    /// @notice Risk down, at once: to a worse state only. Initial margin follows at once, maintenance over `rampSeconds`. GUARDIAN.
    function worsenChain(uint32 eid, ChainState state, uint32 rampSeconds) external;
    /// @notice Back to a better state. GOVERNOR, delayed.
    function restoreChain(uint32 eid, ChainState state) external;

    // ---- ledger (restricted)

    /// @notice An asset was written down: its successor takes over its rule, and it has none any more. Without one nothing changes. LEDGER.
    /// @dev Balances of the old asset are worth less than they say until they are settled (ILedger.settleWrittenDown); by how much
    ///      valuation does not know, so they count nothing till then.
    function succeed(uint16 assetId, uint16 successor) external;

    // ---- views

    /// @notice What packed collateral (IRiskEngine's layout) comes to at the feeds of this block.
    function valueOf(uint256[] calldata words) external view returns (Value memory);
    /// @notice Prices an engine asks for, and with them what packed collateral comes to: all in one question to the feeds.
    /// @param words collateral, as in valueOf
    /// @param asked as in IFeeds.packedQuotesOf
    /// @return answers as IFeeds.packedQuotesOf, its first word also of the prices of collateral; then the total before any haircut | haircut initial |
    ///         haircut maintenance, a word each; then for each asked the value of the balances whose underlying it is the first to name
    function quotesWith(
        uint256[] calldata words,
        uint256[] calldata asked
    ) external view returns (uint256[] memory answers);
    /// @notice Values and rates of packed collateral (IRiskEngine's layout) at the feeds of this block.
    /// @return lots    one per asset that has a rule and a balance
    /// @return classes tiers by the classes the lots name
    /// @return grade   worst grade of the prices used
    /// @return oldest  time of the oldest price used, the largest there is if none was
    function lotsOf(
        uint256[] calldata words
    ) external view returns (Haircuts.Lot[] memory lots, Haircuts.Tier[][] memory classes, Grade grade, uint40 oldest);
    /// @notice What packed collateral (IRiskEngine's layout) could be sold for at the feeds of this block.
    /// @return offers one per asset that has a rule and a balance, in the order of the words
    function offersOf(uint256[] calldata words) external view returns (Offer[] memory offers);
    /// @notice What the states of their chains take from packed collateral at maintenance by now: its haircuts, less what they would be if every
    ///         chain were healthy.
    /// @return impairment 18 decimals
    /// @return since      when the newest of these states began, seconds; 0 without any
    function impairmentOf(uint256[] calldata words) external view returns (uint256 impairment, uint40 since);
    /// @notice How many chains are in a state worse than healthy: while none is, nothing is impaired.
    function chainsImpaired() external view returns (uint96);
    function classOf(uint8 class) external view returns (ClassTier[] memory);
    function assetRuleOf(uint16 assetId) external view returns (bool listed, AssetRule memory rule);
    /// @return state of the chain
    /// @return ramp  how much of the state's maintenance rate applies by now, 18 decimals
    function chainStateOf(uint32 eid) external view returns (ChainState state, uint256 ramp);
}
