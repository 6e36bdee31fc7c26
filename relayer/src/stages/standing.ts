/** `ILedger.AssetStanding.Settlement`. */
export const SETTLEMENT = 2;
