package endcap

import (
	"fmt"
	"log"
	"os"
	"strings"
	"sync"

	"google.golang.org/grpc"
)

// retryVariable turns retries on in grpc-go before 1.40, and off from then on. It is read as the process starts, before
// any code of ours can set it.
const retryVariable = "GRPC_GO_RETRY"

var warnOnce sync.Once

// RetriesOn says whether grpc-go acts on the retry policy in this process.
func RetriesOn() bool {
	return retriesOn(grpc.Version, os.Getenv(retryVariable))
}

func retriesOn(version, variable string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err == nil && major == 1 && minor < 40 {
		return strings.EqualFold(variable, "on")
	}
	return !strings.EqualFold(variable, "off")
}

func warnWithoutRetries() {
	if RetriesOn() {
		return
	}
	warnOnce.Do(func() {
		log.Printf("endcap: grpc-go %s retries nothing in this process; start it with %s=on", grpc.Version, retryVariable)
	})
}
