"""Import names that differ from the name of their distribution, shipped with Tiphys.

Written by hand for widely used distributions; a script then dropped lines that say no more than equal names do and
distributions that were never published. One line an import name: the distributions that provide it, all of which count
when a lock has several. `prefix-*` stands for the distributions of a shared namespace package.

The table is part of the meaning of a cache key: a change of an existing line goes with a new `KEY_VERSION`. New lines
are free: without them the whole lock counted, so they can only let entries be missed once.
"""

from __future__ import annotations

from collections.abc import Mapping

_TABLE = """
# Namespaces
airflow = apache-airflow apache-airflow-*
azure = azure-* msrest msrestazure
backports = backports-*
google = protobuf google-* googleapis-common-protos grpc-google-* proto-plus
googleapiclient = google-api-python-client
haystack = haystack-ai farm-haystack
jaraco = jaraco-*
llama_index = llama-index llama-index-*
mpl_toolkits = matplotlib basemap
nvidia = nvidia-*
opentelemetry = opentelemetry-*
repoze = repoze-*
ruamel = ruamel-yaml ruamel-yaml-*
sphinxcontrib = sphinxcontrib-*
snowflake = snowflake-*
tensorflow = tensorflow tensorflow-cpu tensorflow-gpu tensorflow-intel tensorflow-macos tf-nightly
zope = zope-*

# Arrays, tables, files
cpuinfo = py-cpuinfo
cupy = cupy-*
cupyx = cupy cupy-*
cudf = cudf cudf-*
cuml = cuml cuml-*
cugraph = cugraph cugraph-*
dask_cudf = dask-cudf-*
rmm = rmm rmm-*
dask_expr = dask-expr dask
dateutil = python-dateutil types-python-dateutil
delta = delta-spark
git = gitpython
ibis = ibis-framework
jpype = jpype1
magic = python-magic python-magic-bin
osgeo = gdal
osgeo_utils = gdal
odf = odfpy
OpenSSL = pyopenssl
pptx = python-pptx
docx = python-docx docx
pythoncom = pywin32
pywintypes = pywin32
skimage = scikit-image
sklearn = scikit-learn scikit-learn-intelex
sklearnex = scikit-learn-intelex
snappy = python-snappy
sksurv = scikit-survival
skopt = scikit-optimize
skbio = scikit-bio
skfuzzy = scikit-fuzzy
skmultilearn = scikit-multilearn
skvideo = scikit-video
skrf = scikit-rf
sksparse = scikit-sparse
imblearn = imbalanced-learn
umap = umap-learn
win32api = pywin32
win32com = pywin32
win32con = pywin32
win32file = pywin32
yaml = pyyaml types-pyyaml
_yaml = pyyaml
zmq = pyzmq
polars = polars polars-lts-cpu polars-u64-idx
pyximport = cython
shapefile = pyshp
community = python-louvain
igraph = igraph python-igraph
Bio = biopython
BioSQL = biopython
rdkit = rdkit rdkit-pypi
openbabel = openbabel openbabel-wheel
pymatgen = pymatgen pymatgen-core
Crypto = pycryptodome pycrypto
Cryptodome = pycryptodomex
nacl = pynacl
jwt = pyjwt
jose = python-jose
jwkest = pyjwkest
gnupg = python-gnupg
OpenGL = pyopengl
usb = pyusb
serial = pyserial
bluetooth = pybluez
can = python-can
smbus = smbus-cffi smbus2
RPi = rpi-gpio rpi-*

# Learning
clip = clip openai-clip clip-anytorch
cv2 = opencv-python opencv-python-headless opencv-contrib-python opencv-contrib-python-headless
faiss = faiss-cpu faiss-gpu faiss-gpu-cu11 faiss-gpu-cu12
fasttext = fasttext fasttext-wheel
functorch = torch
torchgen = torch
caffe2 = torch
keras = keras keras-nightly
lightning_fabric = lightning pytorch-lightning lightning-fabric
pytorch_lightning = pytorch-lightning lightning
MeCab = mecab-python3
mecab = mecab-python3
mlflow = mlflow mlflow-skinny mlflow-tracing
mxnet = mxnet mxnet-cu112
mmcv = mmcv mmcv-full
onnxruntime = onnxruntime onnxruntime-gpu onnxruntime-openvino onnxruntime-directml
open_clip = open-clip-torch
optimum = optimum optimum-*
paddle = paddlepaddle paddlepaddle-gpu
PIL = pillow pillow-simd
pynvml = nvidia-ml-py pynvml
speech_recognition = speechrecognition
surprise = scikit-surprise
tensorboard = tensorboard tb-nightly
tensorflow_datasets = tensorflow-datasets tfds-nightly
tensorflow_probability = tensorflow-probability tfp-nightly
tensorrt = tensorrt tensorrt-cu12 tensorrt-*
transformer_engine = transformer-engine transformer-engine-*
triton = triton triton-windows pytorch-triton pytorch-triton-rocm
whisper = openai-whisper
xgboost = xgboost xgboost-cpu
thop = ultralytics-thop thop
pywt = pywavelets
pyro = pyro-ppl
ax = ax-platform
Levenshtein = levenshtein python-levenshtein
slugify = python-slugify
stemmer = pystemmer
Stemmer = pystemmer
opencc = opencc opencc-python-reimplemented

# Databases and queues
bson = pymongo
gridfs = pymongo
MySQLdb = mysqlclient
_mysql = mysqlclient
mysql = mysql-connector-python mysql-connector
psycopg2 = psycopg2 psycopg2-binary
ldap = python-ldap
memcache = python-memcached
kafka = kafka-python kafka-python-ng
cassandra = cassandra-driver
opensearchpy = opensearch-py
neo4j = neo4j neo4j-driver
pinecone = pinecone pinecone-client
weaviate = weaviate-client
chromadb = chromadb chromadb-client
consul = python-consul python-consul2
stomp = stomp-py
paho = paho-mqtt

# The web and services
bs4 = beautifulsoup4
attr = attrs
markdown_it = markdown-it-py
rest_framework = djangorestframework
corsheaders = django-cors-headers
django_filters = django-filter
environ = django-environ environ-config
debug_toolbar = django-debug-toolbar
storages = django-storages
allauth = django-allauth
crispy_forms = django-crispy-forms
import_export = django-import-export
multipart = python-multipart
socks = pysocks
sockshandler = pysocks
socketio = python-socketio
engineio = python-engineio
websocket = websocket-client
telegram = python-telegram-bot
discord = discord-py
slack = slackclient
github = pygithub
gitlab = python-gitlab
jenkins = python-jenkins
twitter = python-twitter
suds = suds suds-jurko suds-community
dns = dnspython
nmap = python-nmap
whois = python-whois
grpc = grpcio
grpc_tools = grpcio-tools
grpc_status = grpcio-status
grpc_health = grpcio-health-checking
grpc_reflection = grpcio-reflection
apiclient = google-api-python-client
vertexai = google-cloud-aiplatform
aws_cdk = aws-cdk-lib aws-cdk-*
office365 = office365-rest-python-client
hera = hera hera-workflows
logstash = python-logstash
pythonjsonlogger = python-json-logger
nio = matrix-nio
barcode = python-barcode
fitz = pymupdf
pdfminer = pdfminer-six pdfminer
ffmpeg = ffmpeg-python
cairo = pycairo
gi = pygobject
wx = wxpython
PySide6 = pyside6 pyside6-essentials pyside6-addons
sip = sip pyqt5-sip pyqt6-sip
Xlib = python-xlib
vtkmodules = vtk

# Development and the rest
_pytest = pytest
py = py pytest
_distutils_hack = setuptools
pkg_resources = setuptools
distutils = setuptools
_cffi_backend = cffi
_ruamel_yaml = ruamel-yaml-clib
_argon2_cffi_bindings = argon2-cffi-bindings
argon2 = argon2-cffi
blib2to3 = black
blackd = black
mypyc = mypy
dotenv = python-dotenv
decouple = python-decouple
validate = configobj
hydra = hydra-core
past = future
libfuturize = future
crontab = python-crontab
daemon = python-daemon
readline = gnureadline
constraint = python-constraint python-constraint2
editor = python-editor
kernprof = line-profiler
guppy = guppy3
systemd = systemd-python
dbus = dbus-python
nvidia_smi = nvidia-ml-py3
ansible = ansible ansible-core
ansible_collections = ansible
winrm = pywinrm
vagrant = python-vagrant
novaclient = python-novaclient
keystoneclient = python-keystoneclient
swiftclient = python-swiftclient
material = mkdocs-material
rpds = rpds-py
rapidjson = python-rapidjson
bencode = bencode-py
hocon = pyhocon
tree = dm-tree
haiku = dm-haiku
sonnet = dm-sonnet
acme = dm-acme acme
absl = absl-py
orbax = orbax-checkpoint orbax orbax-*
grain = grain grain-nightly
pygame = pygame pygame-ce
Box2D = box2d box2d-py
pybullet_data = pybullet
"""


def _read(table: str) -> dict[str, tuple[str, ...]]:
    lines = (line.partition(" = ") for line in table.splitlines() if " = " in line)
    return {name: tuple(distributions.split()) for name, _, distributions in lines}


SHIPPED: Mapping[str, tuple[str, ...]] = _read(_TABLE)
"""Import name -> patterns of normalized names of distributions."""
