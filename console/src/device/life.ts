import type { Description } from '../api/api';

/** A step in a certificate's life. */
export interface Step {
  name: string;
  state: 'done' | 'now' | 'later' | 'bad';
  at?: string;
  words: string;
  id?: string;
}

/** The life of a device's certificate, as far as it is known; empty when there is none. */
export function lifeOf({
  certificate,
  catalog,
}: Pick<Description, 'certificate' | 'catalog'>): Step[] {
  if (certificate === null) return [];
  const { status, createdAt, notBefore, notAfter, certificateId } = certificate;
  const isActive = status === 'ACTIVE';
  const successor = catalog.nextCertificateId;
  const steps: Step[] = [
    {
      name: 'Made',
      state: 'done',
      words: 'registered with AWS IoT and attached to the thing',
      ...(createdAt !== null && { at: createdAt }),
      id: certificateId,
    },
    {
      name: status,
      state: isActive ? 'now' : 'bad',
      words: isActive ? 'the device may connect with it' : 'the device may not connect with it',
      ...(notBefore !== null && { at: notBefore }),
    },
  ];
  if (successor !== null) {
    steps.push({
      name: 'Successor',
      state: 'now',
      words: 'made, and waits until the device has connected with it',
      id: successor,
    });
  }
  steps.push({
    name: 'Revoked',
    state: status === 'REVOKED' ? 'bad' : 'later',
    words: 'when a successor is confirmed, or the device is removed',
  });
  if (notAfter !== null) {
    steps.push({
      name: 'Expired',
      state: 'later',
      at: notAfter,
      words: 'its own end; replaced long before',
    });
  }
  return steps;
}
