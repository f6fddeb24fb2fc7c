/** A picture, a film, a sound or a file out of a result, with its size and a way to keep it. */

import { useEffect, useState } from 'preact/hooks';
import type { Media } from './media';
import { sizeText } from './shapes';

export function MediaFigure({ media, caption }: { media: Media; caption: string }) {
  const [url, setUrl] = useState<string | null>(null);
  const [size, setSize] = useState('');
  const [broken, setBroken] = useState(false);
  // A blob's address lives as long as what shows it; `data:` would hold the bytes twice.
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([media.bytes], { type: media.mime }));
    setUrl(made);
    setBroken(false);
    return () => URL.revokeObjectURL(made);
  }, [media]);
  if (url === null) return null;
  const fail = () => setBroken(true);
  return (
    <figure class="media">
      {broken && <p class="form-problem">This browser cannot show {media.mime}. Save it instead.</p>}
      {!broken && media.kind === 'picture' && (
        <img src={url} alt={`Picture: ${caption}`} onError={fail}
          onLoad={(event) => setSize(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight} px, `)} />
      )}
      {!broken && media.kind === 'video' && <video src={url} controls playsInline aria-label={`Video: ${caption}`} onError={fail} />}
      {!broken && media.kind === 'sound' && <audio src={url} controls aria-label={`Sound: ${caption}`} onError={fail} />}
      <figcaption>
        <span>{size}{media.mime}, {sizeText(media.bytes.length)}</span>
        <a href={url} download={media.name}>Save {media.name}</a>
      </figcaption>
    </figure>
  );
}
