import Button from '@cloudscape-design/components/button';
import { useEffect, useState } from 'react';

interface Given {
  /** The command line as it is to be typed. */
  line: string;
  /** What it does, for who can't see where it stands. */
  label: string;
}

/** The command line that a button equals, to be copied. */
export function CliLine({ line, label }: Given) {
  const [copied, setCopied] = useState<'yes' | 'no'>();
  useEffect(() => {
    if (copied === undefined) return undefined;
    const timer = setTimeout(() => {
      setCopied(undefined);
    }, 2000);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);
  const copy = (): void => {
    navigator.clipboard.writeText(line).then(
      () => {
        setCopied('yes');
      },
      () => {
        setCopied('no');
      },
    );
  };
  return (
    <div className="cli" data-testid="cli-line">
      {/* A long line scrolls; the keyboard gets there too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <code className="cli-text" tabIndex={0} aria-label={`Command line: ${label}`} role="group">
        {line}
      </code>
      <Button
        variant="inline-icon"
        iconName={copied === 'yes' ? 'status-positive' : 'copy'}
        ariaLabel={`Copy the command line: ${label}`}
        onClick={copy}
      />
      <span className="cli-said" role="status">
        {copied === 'yes' ? 'copied' : copied === 'no' ? 'mark it and press Ctrl-C' : ''}
      </span>
    </div>
  );
}
