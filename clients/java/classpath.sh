# Sourced by the other scripts: the jars of Debian's packages (packages.txt), and what to say when something is missing.
JAVA_LIBRARY=${JAVA_LIBRARY:-/usr/share/java}

jars() { # NAME... -> a class path
	local IFS=:
	local paths=("${@/#/$JAVA_LIBRARY/}")
	echo "${paths[*]/%/.jar}"
}

# What a program with the client needs.
JARS=$(jars protobuf gson guava jsr305 error-prone-annotations grpc-api grpc-context grpc-core grpc-netty \
	grpc-protobuf grpc-protobuf-lite grpc-stub perfmark-api opencensus-api netty-buffer netty-codec netty-codec-http \
	netty-codec-http2 netty-common netty-handler netty-resolver netty-tcnative netty-transport)
GENERATED_JARS=$(jars geronimo-annotation-1.3-spec)
INTEROP_JARS=$(jars protobuf-util)
TEST_JARS=$(jars junit4 hamcrest)

# Debian's Netty cannot speak HTTP/2 over the JDK's TLS (its ALPN is patched out), but over OpenSSL's, by a library that
# it looks for under another name than Debian's; build.sh copies it.
NATIVE=build/native
JAVA=(java -Djava.library.path="$NATIVE")

tcnative() { # -> the path of Debian's library
	compgen -G '/usr/lib/*/jni/libnetty-tcnative.so' || missing libnetty-tcnative.so
}

missing() { # WHAT
	echo "clients/java: $1 is missing; install the Debian packages of clients/java/packages.txt" >&2
	exit 3
}

need_tools() { # TOOL...
	local tool
	for tool; do
		command -v "$tool" >/dev/null || missing "$tool"
	done
}

need_jars() { # CLASSPATH
	local jar
	for jar in ${1//:/ }; do
		[ -e "$jar" ] || missing "$jar"
	done
}

compile() { # SOURCES OUT CLASSPATH FLAGS...
	local sources
	mapfile -t sources < <(find "$1" -name '*.java')
	javac --release 17 -encoding UTF-8 -d "$2" -classpath "$3" "${@:4}" "${sources[@]}"
}
