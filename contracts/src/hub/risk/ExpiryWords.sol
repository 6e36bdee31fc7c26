// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedId, FeedWord, Kind} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";

/// @title What an expiry is priced from
abstract contract ExpiryWords {
    IFeeds public immutable feeds;

    constructor(address feeds_) {
        feeds = IFeeds(feeds_);
    }

    /// @dev What an expiry is priced from now.
    function _stampOf(uint16 underlying, uint40 expiry) internal view returns (bytes32) {
        return _stamp(underlying, expiry, _words(underlying, expiry));
    }

    function _stamp(uint16 underlying, uint40 expiry, uint256[] memory words) internal pure returns (bytes32) {
        return keccak256(abi.encode(underlying, expiry, words));
    }

    function _words(uint16 underlying, uint40 expiry) internal view returns (uint256[] memory) {
        FeedId[] memory ids = new FeedId[](3);
        ids[0] = FeedWord.id(underlying, Kind.Forward, expiry);
        ids[1] = FeedWord.id(underlying, Kind.Surface, expiry);
        ids[2] = FeedWord.id(underlying, Kind.Settlement, expiry);
        return feeds.words(ids);
    }
}
