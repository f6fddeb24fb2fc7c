/** The syllables that stand for a device's key, to compare by eye or on the phone. Pure. */

const CONSONANTS = 'bdfghjklmnprstvz';
const VOWELS = 'aiou';

/** The code of a device id, as every program of the gateway shows it; undefined for an id that is no key's hash. */
export function verificationCode(deviceId: string): string | undefined {
  if (!/^[0-9a-f]{64}$/.test(deviceId)) return undefined;
  return [0, 4, 8].map((at) => proquint(Number.parseInt(deviceId.slice(at, at + 4), 16))).join('-');
}

function proquint(bits: number): string {
  const consonant = (shift: number) => CONSONANTS[(bits >> shift) & 15] ?? '';
  const vowel = (shift: number) => VOWELS[(bits >> shift) & 3] ?? '';
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}
