import { CliLine } from '../ui/CliLine';
import type { Lesson } from './lessons';

/** The text of a lesson; lines to type have the name of the device that is looked at. */
export function LessonText({ lesson, thingName }: { lesson: Lesson; thingName: string }) {
  return (
    <ol className="lesson" data-testid={`lesson-${lesson.id}`}>
      {lesson.steps.map(({ text, type }) => (
        <li key={text}>
          <p>{text}</p>
          {type && <CliLine line={type({ thingName })} label="a line of this lesson" />}
        </li>
      ))}
    </ol>
  );
}
