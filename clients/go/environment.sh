# To be sourced in clients/go: lays out a GOPATH of this folder and Debian's packages, and goes there.
here=$PWD
debian=/usr/share/gocode

for tool in go gofmt; do
	command -v "$tool" >/dev/null || { echo "go: $tool is missing; apt-get install $(tr '\n' ' ' <packages.txt)" >&2; exit 3; }
done
for package in google.golang.org/grpc google.golang.org/protobuf github.com/golang/protobuf/ptypes; do
	test -d "$debian/src/$package" \
		|| { echo "go: $package is missing; apt-get install $(tr '\n' ' ' <packages.txt)" >&2; exit 3; }
done

mkdir -p build/gopath/src/endcap/clients
ln -sfn "$here" build/gopath/src/endcap/clients/go
export GO111MODULE=off GOPATH="$here/build/gopath:$debian" GOCACHE="$here/build/cache" GOFLAGS=
cd build/gopath/src/endcap/clients/go
