import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useHome } from '../app/context';
import { describeCertificate, getPolicy, playgroundJob } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { Empty } from '../ui/small';
import { moment } from '../values/time';
import { lifeOf } from './life';
import type { OfDevice } from './ofDevice';

/** The certificate as a line of life, and what its policy allows, in words. */
export function CertificateTab({ thingName, device }: OfDevice) {
  const home = useHome();
  const { certificate, catalog } = device;
  const steps = lifeOf(device);
  return (
    <SpaceBetween size="m">
      <Container header={<Header variant="h2">Life of the certificate</Header>}>
        {steps.length === 0 ? (
          <Empty title="There is no certificate">
            {catalog.status === 'TERMINATED'
              ? 'The device was removed, and its certificate with it.'
              : 'The workflow makes one, or the device asks for it.'}
          </Empty>
        ) : (
          <ol className="life" data-testid="certificate-life">
            {steps.map((step) => (
              <li key={step.name} className={`life-${step.state}`} data-state={step.state}>
                <b>{step.name}</b>
                {step.at !== undefined && <time dateTime={step.at}>{moment(step.at)}</time>}
                <span>{step.words}</span>
                {step.id !== undefined && <code className="breakable">{step.id}</code>}
              </li>
            ))}
          </ol>
        )}
        {certificate && (
          <CliLine
            line={describeCertificate(home, certificate.certificateId)}
            label="describe the certificate"
          />
        )}
      </Container>
      <Container header={<Header variant="h2">What its policy allows</Header>}>
        {catalog.status === 'QUARANTINED' ? (
          <p>
            The device is in quarantine: its certificate carries the quarantine policy and no other.
            It may connect and follow its shadow and jobs, so that it can be let out, and nothing
            else.
          </p>
        ) : (
          <ul>
            <li>
              <b>Connect</b> with the client id <code>{thingName}</code>, and no other.
            </li>
            <li>
              <b>Publish</b> to <code>dt/playground/{thingName}/</code>, its events and replies, and
              to topics that end in its own name.
            </li>
            <li>
              <b>Subscribe and receive</b> its own commands and the answers of its shadow, jobs and
              certificates: <code>$aws/things/{thingName}/…</code>
            </li>
            <li>
              All else is refused: MQTT 5 answers with reason code 135. The command{' '}
              <code>authorization-error</code> shows it.
            </li>
          </ul>
        )}
        <CliLine line={getPolicy(home)} label="the policy of all devices" />
      </Container>
      <Container header={<Header variant="h2">A new one</Header>}>
        <p>
          A job has the device make a new key and ask for a certificate. It connects with the new
          one, confirms it, and the old one is revoked. The stack does it by itself in time.
        </p>
        <CliLine line={playgroundJob(thingName, 'rotate-cert')} label="change the certificate" />
      </Container>
    </SpaceBetween>
  );
}
