// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MarketsWorld} from "../hub/MarketsWorld.sol";
import {Walk} from "../hub/Walk.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice What must hold of auctions: after each start, bid and publication, judged by the engines and the books, apart from the contracts; and at
///         any time.
abstract contract LiquidationChecks is Walk, LiquidationWorld {
    /// @dev In 1e-18: a unit of the size of each perpetual at twice what it is worth at first, and some for each position and balance.
    int256 private constant SHARE_ROUNDINGS = 2 * (60_000 + 3000) + 100;
    /// @dev A lot of each of six series, at no more than 60 each.
    int256 private constant LOTS = 360e18;

    /// @dev What a bid may change in the books, and how the account was valued before it.
    /// @param since when it was found insolvent, seconds
    struct Books {
        int256 equity;
        int256 margin;
        int256 reserve;
        int256 total;
        IMarkets.Mode mode;
        bool hasOptions;
        bool bySheet;
        uint256 since;
    }

    /// @dev How many of the accounts trade and bid; the last one borrows only.
    uint256 private _traders;

    function setUp() public virtual override(MarketsWorld, LiquidationWorld) {
        super.setUp();
        _traders = accounts.length;
        accounts.push(AccountLib.encode(owners[0], 0, uint64(SUBACCOUNTS)));
    }

    function _anyTrader() internal returns (HubAccount) {
        return accounts[_next(_traders)];
    }

    function _borrower() internal view returns (HubAccount) {
        return accounts[_traders];
    }

    // ---- the books

    function _booksOf(HubAccount account) internal view returns (Books memory books) {
        Risk memory risk = _riskOf(account);
        (books.equity, books.margin) = (risk.equity, int256(risk.maintenanceMargin));
        ILiquidation.Auction memory auction = liquidation.auctionOf(account);
        books.reserve = int256(uint256(auction.reserve));
        books.since = auction.insolventSince == 0 ? _now() : auction.insolventSince;
        books.total = _total();
        books.mode = markets.modeOf(account);
        books.bySheet = sheets.sheetOf(BTC, 0) != address(0);
        for (uint256 i; i < 6; ++i)
            if (markets.sizeOf(account, _option(i / 2, 1 + (i & 1))) != 0) books.hasOptions = true;
    }

    /// @dev An action once by its name, and once more by each of: the account's mode, what a portfolio's options were valued by, an impaired chain.
    function _note(string memory action, Books memory books) internal {
        string[3] memory modes = [" cross", " isolated", " portfolio"];
        ++done[bytes32(bytes(action))];
        ++done[bytes32(bytes(string.concat(action, modes[uint8(books.mode)])))];
        if (books.mode == IMarkets.Mode.Portfolio && books.hasOptions)
            ++done[bytes32(bytes(string.concat(action, books.bySheet ? " by sheet" : " without sheet")))];
        if (rules.chainsImpaired() != 0) ++done[bytes32(bytes(string.concat(action, " impaired")))];
    }

    // ---- what was done

    /// @dev INV-MARGIN-2: whoever publishes a sheet changes no figure of the account.
    function _publishSheet(HubAccount account) internal {
        bytes memory without = abi.encode(_riskOf(account));
        sheets.publish(BTC, 0);
        assertEq(abi.encode(_riskOf(account)), without, "INV-MARGIN-2: a sheet changed a valuation");
        ++done["sheet"];
    }

    function _judgeStart(HubAccount account, Risk memory risk, Books memory before) internal {
        assertLt(risk.equity, int256(risk.maintenanceMargin), "INV-LIQ-1: started at or above maintenance margin");
        assertLe(uint8(risk.grade), uint8(Grade.Aged), "INV-LIQ-1: at prices that are not usable");
        int256 fee = int256(uint256(liquidation.auctionOf(account).fee));
        assertLe(fee, risk.equity > 0 ? risk.equity : int256(0), "a fee above the equity");
        _note("start", before);
    }

    /// @dev Instead of an auction: the states of chains alone put it below.
    function _judgeGrace(HubAccount account, Risk memory risk) internal {
        assertEq(liquidation.auctionOf(account).id, 0);
        assertGt(risk.equity, 0, "a grace without equity");
        (, uint256[] memory words) = ledger.packedBookOf(account);
        (uint256 impairment, ) = rules.impairmentOf(words);
        assertLt(risk.equity, int256(risk.maintenanceMargin), "a grace of who is not below");
        assertGe(risk.equity + int256(impairment), int256(risk.maintenanceMargin), "a grace for another reason");
        ++done["grace"];
    }

    function _judge(HubAccount account, HubAccount bidder, Books memory before, int256 price) internal {
        assertLt(before.equity, before.margin, "INV-LIQ-1: a bid at or above maintenance margin");
        bool solvent = before.equity > before.reserve;
        if (solvent) assertGe(_healthOf(account), before.equity - before.margin, "INV-LIQ-2: health fell");
        assertTrue(solvent == (price >= 0) || price == 0, "a solvent account is paid for");
        Risk memory risk = _riskOf(bidder);
        assertGe(risk.equity, int256(risk.initialMargin), "a bidder below initial margin");
        // Two accounts, two perpetuals each.
        _roundings += 4;
        int256 lost = before.total - _total();
        assertGe(lost, 0, "INV-LIQ-3: value appeared");
        assertLe(lost, 4, "INV-LIQ-3: more lost than what quotes round");
        _note(solvent ? "bid" : "insolvent bid", before);
        if (solvent && liquidation.auctionOf(account).id == 0) ++done["restored"];
    }

    /// @dev What is left of what was for sale, or was missing, is its share of it: less only by roundings, more by whole units that stay or go.
    function _judgeShare(HubAccount account, Books memory before, uint256 taken, int256 price) internal {
        int256 reserve = before.reserve;
        if (price >= 0) reserve += price;
        else reserve -= -price < reserve ? -price : reserve;
        int256 left = _riskOf(account).equity - reserve;
        int256 expected = ((before.equity - before.reserve) * int256(1e18 - taken)) / 1e18;
        assertGe(left, expected - SHARE_ROUNDINGS, "INV-LIQ-3: less left than the account's share");
        assertLe(left, expected + LOTS, "INV-LIQ-3: more left than whole units make");
        if (before.equity <= before.reserve) {
            // The whole margin has grown upon it after an hour.
            int256 age = int256(_now() - before.since < 1 hours ? _now() - before.since : 1 hours);
            int256 offered = before.reserve - before.equity + (before.margin * age) / 1 hours;
            assertEq(-price, (offered * int256(taken)) / 1e18, "INV-LIQ-3: another payout than is offered");
        }
        if (taken < 1e12) ++done["dust bid"];
    }

    /// @dev Refused because health fell: only where a share of all frees less margin than roundings may take.
    function _judgeDust(Books memory before, uint64 share) internal {
        assertLt(
            (before.margin * int256(uint256(share))) / 1e18,
            SHARE_ROUNDINGS,
            "INV-LIQ-2: a bid that lowers health"
        );
        ++done["dust refused"];
    }

    // ---- what must hold

    function check() external view override {
        _checkCustody(usdcId);
        _checkCustody(wethId);
        _checkCustody(otherWethId);
        int256 escrow = ledger.bookedCashOf(liquidation.escrow());
        int256 fees;
        uint256 insolvent;
        int256[2] memory sizes;
        for (uint256 i; i < accounts.length; ++i) {
            ILiquidation.Auction memory auction = liquidation.auctionOf(accounts[i]);
            fees += int256(uint256(auction.fee));
            if (auction.insolventSince != 0) ++insolvent;
            for (uint16 underlying = BTC; underlying <= ETH; ++underlying)
                sizes[underlying - 1] += markets.sizeOf(accounts[i], uint256(underlying) << 8);
        }
        for (uint16 market; market <= ETH; ++market) {
            int256 deficit = ledger.bookedCashOf(liquidation.deficitAccount(market));
            assertLe(deficit, 0, "a deficit account with cash");
        }
        assertEq(_knownCash(), ledger.totalCash(), "cash of all accounts");
        (uint256 kept, ) = ledger.spreadOf();
        if (kept == 1e27) assertEq(escrow, fees, "escrow holds the fees of open auctions");
        else assertLe(escrow, fees, "but for losses of all cash");
        assertEq(insurance.insolventOpen(), insolvent, "insolvent auctions");
        assertGe(ledger.bookedCashOf(insurance.account()), 0, "the fund owes");
        assertEq(sizes[0], 0, "INV-POS-1");
        assertEq(sizes[1], 0, "INV-POS-1");
        _checkCash(_quotes(), _roundings + accounts.length * 2);
    }
}
