// The key of this device (WebAuthn): made once where the person wants to be known again, and asked for at the end of later
// checks. It is kept by the device, and says nothing of the camera. No refusal here ends a check.
import { fromBase64Url, toBase64Url } from './protocol/chain';
import type { Assertion } from './protocol/messages';

/** How long a person may take to confirm; the server waits five seconds longer. */
const CONFIRM_MS = 25_000;

/** What `session/key` takes. */
export interface NewKey {
  clientData: string;
  authenticatorData: string;
}

const text = (bytes: ArrayBuffer): string => toBase64Url(new Uint8Array(bytes));

/** ECDSA on P-256 with SHA-256, by its number in the registry of COSE. */
const ES256 = -7;

/** Whether this device can keep a key of its own and verify its user by finger, face or PIN. */
export async function canRemember(): Promise<boolean> {
  if (typeof PublicKeyCredential === 'undefined' || !isSecureContext) return false;
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

/** Makes a key; `undefined` where the person, the browser or the device does not want to. */
export async function makeKey(
  challenge: Uint8Array<ArrayBuffer>,
  known: string[],
  name: string,
): Promise<NewKey | undefined> {
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        challenge,
        rp: { name },
        // The server knows of whom the key is; the device need not.
        user: { id: crypto.getRandomValues(new Uint8Array(32)), name, displayName: name },
        pubKeyCredParams: [{ type: 'public-key', alg: ES256 }],
        excludeCredentials: known.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
        authenticatorSelection: { authenticatorAttachment: 'platform', residentKey: 'discouraged', userVerification: 'required' },
        attestation: 'none',
        timeout: 60_000,
      },
    });
    if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAttestationResponse)) return undefined;
    return { clientData: text(made.response.clientDataJSON), authenticatorData: text(made.response.getAuthenticatorData()) };
  } catch {
    return undefined;
  }
}

/** Signs with one of the keys that the server lists; `undefined` where this device has none of them, or the person says no. */
export async function signWithKey(keys: string[], challenge: Uint8Array<ArrayBuffer>): Promise<Assertion | undefined> {
  if (typeof PublicKeyCredential === 'undefined') return undefined;
  try {
    const signed = await navigator.credentials.get({
      publicKey: {
        challenge,
        allowCredentials: keys.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
        userVerification: 'required',
        timeout: CONFIRM_MS,
      },
      // Some browsers take the time above for a hint.
      signal: AbortSignal.timeout(CONFIRM_MS),
    });
    if (!(signed instanceof PublicKeyCredential) || !(signed.response instanceof AuthenticatorAssertionResponse)) return undefined;
    const { clientDataJSON, authenticatorData, signature } = signed.response;
    return { id: text(signed.rawId), clientData: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) };
  } catch {
    return undefined;
  }
}
