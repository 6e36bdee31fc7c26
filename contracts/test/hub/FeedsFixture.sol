// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Smile} from "../../src/hub/risk/Smile.sol";
import {IAggregator} from "../../src/hub/risk/sources/IAggregator.sol";
import {IPriceSource} from "../../src/hub/risk/sources/IPriceSource.sol";
import {IPyth} from "../../src/hub/risk/sources/IPyth.sol";

/// @notice A source that says what the test wants, or reverts.
contract SourceDouble is IPriceSource {
    error Silent();

    uint128 public price;
    uint40 public time;
    uint32 public spread;

    function set(uint128 price_, uint40 time_, uint32 spread_) external {
        (price, time, spread) = (price_, time_, spread_);
    }

    function latest() external view returns (uint128, uint40, uint32) {
        require(price != 0, Silent());
        return (price, time, spread);
    }
}

/// @notice Pyth with one price and a fee of one wei an update; an update is the abi-encoded Price itself.
contract PythDouble is IPyth {
    error PriceFeedNotFound();

    mapping(bytes32 id => Price) private _prices;

    function getPriceUnsafe(bytes32 id) external view returns (Price memory price) {
        price = _prices[id];
        if (price.publishTime == 0) revert PriceFeedNotFound();
    }

    function updatePriceFeeds(bytes[] calldata updateData) external payable {
        require(msg.value == getUpdateFee(updateData), "fee");
        for (uint256 i = 0; i < updateData.length; ++i) {
            (bytes32 id, Price memory price) = abi.decode(updateData[i], (bytes32, Price));
            if (price.publishTime > _prices[id].publishTime) _prices[id] = price;
        }
    }

    function getUpdateFee(bytes[] calldata updateData) public pure returns (uint256) {
        return updateData.length;
    }
}

/// @notice A Chainlink aggregator, or a sequencer's uptime feed.
contract AggregatorDouble is IAggregator {
    uint8 public immutable decimals;
    int256 private _answer;
    uint256 private _startedAt;
    uint256 private _updatedAt;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function set(int256 answer, uint256 startedAt, uint256 updatedAt) external {
        (_answer, _startedAt, _updatedAt) = (answer, startedAt, updatedAt);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (7, _answer, _startedAt, _updatedAt, 7);
    }
}

/// @notice Feeds with five signers, of whom three sign (four for a settlement price), and one underlying.
abstract contract FeedsFixture is Test {
    uint256 internal constant SIGNERS = 5;
    uint8 internal constant THRESHOLD = 3;
    uint8 internal constant SETTLEMENT_THRESHOLD = 4;
    uint16 internal constant BTC = 1;
    uint40 internal constant START = 1_800_000_000;
    uint40 internal constant EXPIRY = START + 7 days;

    AccessManager internal _manager;
    IFeeds internal _feeds;
    uint256[] internal _keys;
    SourceDouble internal _source = new SourceDouble();

    function setUp() public virtual {
        vm.warp(START);
        _manager = new AccessManager(address(this));
        _keys = _sortedKeys();
        _feeds = _deploy(_addresses(), THRESHOLD, SETTLEMENT_THRESHOLD);
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Signed, address(0), _bounds());
    }

    function _deploy(address[] memory signers, uint8 threshold, uint8 settlement) internal returns (IFeeds deployed) {
        bytes memory args = abi.encode(address(_manager), signers, threshold, settlement);
        return IFeeds(_create("src/hub/Feeds.sol:Feeds", args));
    }

    /// @dev From its artifact: the very code that is deployed.
    function _create(string memory artifact, bytes memory args) internal returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(artifact), args);
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _bounds() internal pure returns (IFeeds.Bounds memory) {
        return
            IFeeds.Bounds({
                spotFresh: 60,
                spotStale: 600,
                forwardFresh: 120,
                forwardStale: 1200,
                surfaceFresh: 300,
                surfaceStale: 3000,
                sourceStale: 3600,
                maxSpread: 2e7,
                markBand: 500,
                disagreement: 200
            });
    }

    function _id(Kind kind, uint40 expiry) internal pure returns (FeedId) {
        return FeedWord.id(BTC, kind, expiry);
    }

    function _spotId() internal pure returns (FeedId) {
        return _id(Kind.Spot, 0);
    }

    function _one(FeedId feed, uint128 value, uint32 spread) internal pure returns (IFeeds.Report[] memory reports) {
        reports = new IFeeds.Report[](1);
        reports[0] = IFeeds.Report(feed, value, spread);
    }

    function _slice(uint32 vol, int32 rho, uint48 phi) internal pure returns (uint128) {
        return Smile.pack(vol, rho, phi);
    }

    /// @dev Signed by as many as needed, beginning with signer `first`.
    function _submit(uint40 time, IFeeds.Report[] memory reports) internal returns (uint256) {
        return _feeds.submit(time, reports, _sign(time, reports, THRESHOLD, 0));
    }

    function _submitSpot(uint40 time, uint128 price) internal {
        _submit(time, _one(_spotId(), price, 1e6));
    }

    function _settle(uint40 time, uint128 price) internal returns (uint256) {
        IFeeds.Report[] memory reports = _one(_id(Kind.Settlement, EXPIRY), price, 0);
        return _feeds.submit(time, reports, _sign(time, reports, SETTLEMENT_THRESHOLD, 0));
    }

    /// @dev `count` of the signers in ascending order, leaving out `skip` of the first.
    function _sign(
        uint40 time,
        IFeeds.Report[] memory reports,
        uint256 count,
        uint256 skip
    ) internal view returns (bytes memory signatures) {
        bytes32 digest = _feeds.digest(time, reports);
        for (uint256 i = skip; i < skip + count; ++i)
            signatures = bytes.concat(signatures, _signature(_keys[i], digest));
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _addresses() internal view returns (address[] memory addresses) {
        addresses = new address[](_keys.length);
        for (uint256 i = 0; i < _keys.length; ++i) addresses[i] = vm.addr(_keys[i]);
    }

    function _sortedKeys() private pure returns (uint256[] memory keys) {
        keys = new uint256[](SIGNERS);
        for (uint256 i = 0; i < SIGNERS; ++i) keys[i] = uint256(keccak256(abi.encode("signer", i))) >> 8;
        for (uint256 i = 1; i < SIGNERS; ++i)
            for (uint256 j = i; j > 0 && vm.addr(keys[j - 1]) > vm.addr(keys[j]); --j)
                (keys[j - 1], keys[j]) = (keys[j], keys[j - 1]);
    }
}
