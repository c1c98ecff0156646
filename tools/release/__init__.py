"""Makes the files of a release: wheels, the built provider, schemas, examples, materials, checksums."""
