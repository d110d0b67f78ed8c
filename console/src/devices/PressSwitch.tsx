import { useIsAdmin } from '../app/context';
import { useCommand } from '../device/useCommand';
import type { Facts } from '../pictures/facts';
import { Picture } from '../pictures/Picture';

/** A switch as a picture that one can press. */
export function PressSwitch({ thingName, facts }: { thingName: string; facts: Facts }) {
  const isAdmin = useIsAdmin();
  const command = useCommand(thingName);
  const canPress = isAdmin && facts.isOnline && !command.isPending;
  return (
    <button
      type="button"
      className="press"
      disabled={!canPress}
      aria-label={`Press the switch ${thingName}`}
      aria-pressed={facts.reported.position === 'on'}
      title={isAdmin ? 'Press it' : 'Viewers can look, not press'}
      data-testid="press-switch"
      onClick={() => {
        command.mutate({ command: 'press' });
      }}
    >
      <Picture type="switch" facts={facts} />
    </button>
  );
}
