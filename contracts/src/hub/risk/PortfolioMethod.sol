// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ISheets} from "./ISheets.sol";
import {OptionCells} from "./OptionCells.sol";
import {PortfolioMargin} from "./PortfolioMargin.sol";

/// @title Portfolio margin of any account: the method itself, for tools and proofs
/// @notice What PortfolioEngine computes once it has read holdings, feeds and rules. It holds nothing and nothing asks it: anyone may deploy it.
contract PortfolioMethod {
    /// @notice Who builds rows of strikes.
    ISheets public immutable sheets;

    constructor(ISheets sheets_) {
        sheets = sheets_;
    }

    /// @notice Values an account as it is given.
    /// @param account  money and sizes of 18 decimals; places of its options are running numbers of the strikes of `expiries`
    /// @param expiries for each underlying
    function whatIf(
        PortfolioMargin.Account calldata account,
        ISheets.Expiry[][] calldata expiries
    ) external view returns (PortfolioMargin.Result memory) {
        PortfolioMargin.Book[] memory books = new PortfolioMargin.Book[](expiries.length);
        for (uint256 i = 0; i < expiries.length; ++i) {
            (books[i].used, books[i].cells) = OptionCells.gather(account.underlyings[i].options);
            books[i].sheets = new uint256[][](1);
            books[i].sheets[0] = sheets.buildFor(expiries[i]);
        }
        return PortfolioMargin.evaluate(account, books);
    }
}
