import Alert from '@cloudscape-design/components/alert';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import { useQuery } from '@tanstack/react-query';
import { dataOf, type Trouble } from '../api/api';
import { useParts, useTold } from '../app/context';
import { useSoon } from '../app/useSoon';
import { playground } from '../cli/lines';
import { CliLine } from '../ui/CliLine';
import { Age, ErrorBox, Link } from '../ui/small';

interface Given {
  thingName: string;
  /** Only the sentence of the latest trouble, and nothing when there is none. */
  isShort?: boolean;
}

/** Why was it refused? The latest trouble: sentence, cause, evidence, what to do. */
export function WhyBox({ thingName, isShort = false }: Given) {
  const { api } = useParts();
  const changes = useTold(thingName)?.changes ?? 0;
  const { data, error, refetch } = useQuery({
    queryKey: ['why', thingName],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/v1/devices/{thingName}/why', { params: { path: { thingName } }, signal })),
    refetchInterval: 20_000,
  });
  useSoon(
    changes,
    () => {
      void refetch();
    },
    700,
    2500,
  );
  const [latest, ...earlier] = data?.troubles ?? [];
  if (isShort) {
    return latest?.now !== true ? null : (
      <div data-testid="why" data-trouble={latest.kind}>
        <Alert
          type="warning"
          action={<Link to={`/devices/${encodeURIComponent(thingName)}/timeline`}>Why?</Link>}
        >
          {latest.sentence}
        </Alert>
      </div>
    );
  }
  if (error !== null && data === undefined) {
    return (
      <ErrorBox
        error={error}
        again={() => {
          void refetch();
        }}
      />
    );
  }
  return (
    <section
      data-testid="why"
      data-trouble={latest?.kind ?? 'none'}
      data-now={latest?.now ?? false}
      aria-label="Why"
      aria-live="polite"
    >
      {latest === undefined ? (
        <Alert type="success" header="Nothing is wrong">
          {data === undefined
            ? 'Asking …'
            : 'No refusal, no lost connection and no failed workflow is on record for this device.'}
        </Alert>
      ) : (
        <TroubleAlert trouble={latest} />
      )}
      {data !== undefined && data.notes.length > 0 && (
        <p className="quiet">Could not be looked at: {data.notes.join('; ')}</p>
      )}
      {earlier.length > 0 && (
        <ExpandableSection headerText={`Earlier troubles (${String(earlier.length)})`}>
          {earlier.map((trouble) => (
            <TroubleAlert key={trouble.at + trouble.kind} trouble={trouble} />
          ))}
        </ExpandableSection>
      )}
      <CliLine line={playground('why', thingName)} label="ask why" />
    </section>
  );
}

function TroubleAlert({
  trouble: { kind, at, now, sentence, cause, evidence, todo },
}: {
  trouble: Trouble;
}) {
  return (
    <Alert type={now ? 'warning' : 'info'} header={sentence}>
      <dl className="why">
        <dt>{now ? 'Since' : 'Was so'}</dt>
        <dd>
          <Age at={at} /> ({kind})
        </dd>
        <dt>Cause</dt>
        <dd>{cause}</dd>
        {evidence.length > 0 && (
          <>
            <dt>Evidence</dt>
            <dd>
              <ul className="plain">
                {evidence.map((one) => (
                  <li key={one} className="breakable">
                    {one}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        {todo.length > 0 && (
          <>
            <dt>What to do</dt>
            <dd>
              <ol className="plain">
                {todo.map((one) => (
                  <li key={one} className="breakable">
                    {one}
                  </li>
                ))}
              </ol>
            </dd>
          </>
        )}
      </dl>
    </Alert>
  );
}
