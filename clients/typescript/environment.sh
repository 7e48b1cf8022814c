# To be sourced in clients/typescript: finds Node.js, and installs what package-lock.json names where that changed.
for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "typescript: $tool is missing; install Node.js 20 or newer" >&2; exit 3; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' \
	|| { echo "typescript: found Node.js $(node --version), needs 20 or newer" >&2; exit 3; }

if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.installed
fi
