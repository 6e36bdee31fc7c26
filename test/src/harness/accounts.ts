import { mnemonicToAccount, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { bytesToHex, type Hex } from 'viem';

/** The well-known development mnemonic: keys everybody knows, for chains nobody shares. */
export const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk';

/** An account with its key, which the relayer's configuration needs. */
export interface KeyedAccount {
  readonly account: PrivateKeyAccount;
  readonly privateKey: Hex;
}

// Stretching the mnemonic (PBKDF2) takes ~10 ms; the parent node is derived once and its children cheaply.
const parent = mnemonicToAccount(DEVELOPMENT_MNEMONIC, { path: "m/44'/60'/0'/0" }).getHdKey();
const known = new Map<number, KeyedAccount>();

/** Account number `index` of the development mnemonic. */
export function developmentAccount(index: number): KeyedAccount {
  const cached = known.get(index);
  if (cached) return cached;
  const key = parent.deriveChild(index).privateKey;
  if (!key) throw new Error(`development account ${index} has no private key`);
  const privateKey = bytesToHex(key);
  const made = { account: privateKeyToAccount(privateKey), privateKey };
  known.set(index, made);
  return made;
}

/** Who uses which key. Roles never share one, as they never would on a live network. */
export const roles = {
  deployer: developmentAccount(0),
  guardian: developmentAccount(1),
  submitter: developmentAccount(2),
  lockstepDvnSigner: developmentAccount(3),
  layerzeroDvnAdmin: developmentAccount(4),
  layerzeroDvnSigner: developmentAccount(5),
  stranger: developmentAccount(6),
  layerzeroOwner: developmentAccount(7),
  feedSignerA: developmentAccount(8),
  feedSignerB: developmentAccount(9),
} as const;

/** Who signs prices; all of them do. */
export const FEED_SIGNERS = [roles.feedSignerA, roles.feedSignerB] as const;

const FIRST_USER = 10;
/** Most users that anvil funds at genesis. */
export const USER_COUNT = 30;
const FIRST_LIQUIDATOR = FIRST_USER + USER_COUNT;
/** Keys of liquidators, each a stranger to the others. */
export const LIQUIDATORS = [
  developmentAccount(FIRST_LIQUIDATOR),
  developmentAccount(FIRST_LIQUIDATOR + 1),
  developmentAccount(FIRST_LIQUIDATOR + 2),
] as const;

/** Accounts anvil must create. */
export const ACCOUNT_COUNT = FIRST_LIQUIDATOR + LIQUIDATORS.length;

/** User number `index`, 0 … 29. @throws RangeError outside */
export function developmentUser(index: number): KeyedAccount {
  if (!Number.isInteger(index) || index < 0 || index >= USER_COUNT) throw new RangeError(`user ${index}; expected 0 … ${USER_COUNT - 1}`);
  return developmentAccount(FIRST_USER + index);
}
