"""Files as their programs write them, made up for these tests; every secret in them is ``Xq7-unmistakable``."""

from __future__ import annotations

SECRET = "Xq7-unmistakable"

FRIGATE_13 = f"""\
mqtt:
  host: broker.example
  user: frigate
  password: {SECRET}
detectors:
  ov:
    type: openvino
    device: AUTO
model:
  path: /openvino-model/ssdlite_mobilenet_v2.xml
  width: 300
  height: 300
  input_tensor: nhwc
ffmpeg:
  hwaccel_args: preset-vaapi
record:
  enabled: true
  retain: {{days: 3, mode: motion}}
cameras:
  front:
    ffmpeg:
      inputs:
        - path: rtsp://admin:{SECRET}@10.0.0.11:554/cam/realmonitor?channel=1&subtype=1
          roles: [detect]
        - path: rtsp://admin:{SECRET}@10.0.0.11:554/cam/realmonitor?channel=1&subtype=0
          roles: [record]
    detect:
      enabled: true
      width: 704
      height: 576
      fps: 5
    zones:
      path: {{coordinates: "0,0,10,0,10,10"}}
  yard:
    ffmpeg:
      hwaccel_args: preset-nvidia-h265
      inputs:
        - path: rtsp://{{FRIGATE_RTSP_USER}}:{{FRIGATE_RTSP_PASSWORD}}@10.0.0.12:554/stream2
          roles: [detect, rtmp]
    detect: {{width: 1280, height: 720, fps: 10}}
  shed:
    enabled: false
    ffmpeg: {{inputs: [{{path: "rtsp://10.0.0.13/x", roles: [detect]}}]}}
"""

FRIGATE_17 = f"""\
version: 0.17-0
mqtt: {{enabled: false}}
detectors: {{hailo: {{type: hailo8l, device: PCIe}}}}
model: {{path: "plus://{SECRET}", model_type: yolo-generic, width: 320, height: 320}}
detect: {{enabled: true, fps: 5}}
semantic_search: {{enabled: true}}
lpr: {{enabled: true}}
record:
  enabled: true
  continuous: {{days: 1}}
go2rtc:
  streams:
    door:
      - "ffmpeg:http://10.0.0.21/flv?port=1935&app=bcs&stream=channel0_ext.bcs&user=admin&password={SECRET}#video=copy"
    hall: rtspx://10.0.0.1:7441/{SECRET.replace("-", "")}
cameras:
  door:
    ffmpeg:
      inputs:
        - {{path: "rtsp://127.0.0.1:8554/door", input_args: preset-rtsp-restream, roles: [detect, record]}}
    detect: {{width: 640, height: 480}}
  hall:
    ffmpeg:
      inputs:
        - {{path: "rtsp://127.0.0.1:8554/hall", roles: [detect]}}
    detect: {{width: 640, height: 480}}
  gate:
    ffmpeg: {{inputs: [{{path: "rtsp://10.0.0.22/live", roles: [record]}}]}}
  attic:
    ffmpeg: {{inputs: [{{path: "rtsp://10.0.0.23/live", roles: [detect]}}]}}
    detect: {{enabled: false}}
"""

PIPELINE_FILE = """\
# one camera, detection and classification
gst-launch-1.0 filesrc location=clips/people.mp4 ! qtdemux ! h264parse ! avdec_h264 \\
  ! video/x-raw,width=1920,height=1080,framerate=30/1 ! videoconvert \\
  ! gvadetect model=/models/person-detection-retail-0013.xml device=CPU batch-size=4 inference-interval=3 nireq=2 \\
  ! gvatrack tracking-type=short-term-imageless \\
  ! gvaclassify model="/models/own attributes.xml" device=GPU object-class=person ! gvafpscounter ! fakesink sync=false
"""

PIPELINE_STREAMS = f"""\
gst-launch-1.0 -e \\
 rtspsrc location="rtsp://root:{SECRET}@10.0.0.31/axis-media/media.amp" ! rtph265depay ! h265parse ! vah265dec \\
 ! gvadetect name=d1 model=yolov8n.xml model-instance-id=inst0 device=CPU ! gvawatermark ! fakesink \\
 rtspsrc location="rtsp://root:{SECRET}@10.0.0.32/axis-media/media.amp" ! rtph265depay ! h265parse ! vah265dec \\
 ! gvadetect name=d2 model-instance-id=inst0 ! gvawatermark ! fakesink \\
 urisourcebin uri=file:///clips/lobby.mp4 ! decodebin3 ! gvainference model=resnet50.xml ! fakesink
"""

RETAIL_CAMERAS = """\
{"lane_config": {"cameras": [
  {"camera_id": "cam1", "fileSrc": "sample-media/basket.mp4|https://clips.example/basket.mp4", "width": 1920,
   "height": 1080, "fps": 15, "workloads": ["items", "products"],
   "region_of_interest": {"x": 1, "y": 1, "x2": 9, "y2": 9}},
  {"camera_id": "cam2", "streamUri": "rtsp://store:Xq7-unmistakable@10.0.0.41:8554/c2", "width": 1920, "height": 1080,
   "fps": 15, "workloads": ["items"]}
]}}
"""

RETAIL_WORKLOADS = """\
{"workload_pipeline_map": {
  "items": [{"type": "gvadetect", "model": "yolo11n", "precision": "INT8", "device": "NPU"}],
  "products": [{"type": "gvadetect", "model": "yolo11n", "precision": "INT8", "device": "NPU"},
               {"type": "gvatrack"},
               {"type": "gvaclassify", "model": "own-net", "precision": "INT8", "device": "CPU", "batch_size": 8}]
}}
"""

RETAIL_ONE_FILE = """\
{"lane_config": {"cameras": [{"camera_id": "lane 1", "fileSrc": "a.mp4", "workloads": ["age"]}]},
 "workload_pipeline_map": {"age": [{"type": "gvadetect", "model": "face-detection-retail-0004", "precision": "FP16"}]}}
"""

CAMERAS_PLAIN = f"""\
name;address;resolution;codec;fps;bitrate;remark
Entrance;rtsp://u:{SECRET}@10.0.0.51/s1;1920x1080;H.264;15;4096;north
Dock;rtsp://10.0.0.52/s1;1920 x 1080;H264;15;4 Mbit/s;
Hall;10.0.0.53;1080p;HEVC;12,5;2000;
Attic;10.0.0.54;large;H264;15;;
"""

CAMERAS_ONVIF = """\
Name,XAddr,Resolution.Width,Resolution.Height,Encoding,RateControl.FrameRateLimit,RateControl.BitrateLimit
"Lobby, left",http://10.0.0.61/onvif/device_service,2560,1440,H265,20,6144
Till,http://10.0.0.62/onvif/device_service,1280,720,JPEG,10,
"""

BENCHMARK_JSON = """\
{"cmd_options": {"-m": "/models/resnet50.xml", "-d": "CPU", "-hint": "throughput", "-infer_precision": "f32",
                 "-nthreads": "8"},
 "configuration_setup": {"topology": "resnet50", "target device": "CPU", "API": "async", "inference_only": "True",
   "precision": "UNSPECIFIED", "batch size": "1", "number of iterations": "None",
   "number of parallel infer requests": "4", "duration (ms)": "60000", "number of CPU streams": "4"},
 "execution_results": {"first inference time (ms)": "14.20", "total execution time (ms)": "60021.50",
   "total number of iterations": "12000", "latency (ms)": "19.80", "avg latency": "20.00", "min latency": "12.50",
   "max latency": "44.10", "throughput": "199.93"}}
"""

BENCHMARK_CSV = """\
Command line parameters
-m;/models/net.xml
-latency_percentile;95

Configuration setup
topology;net
target device;GPU
API;sync
batch size;8

Execution results
total execution time (ms);10000.00
total number of iterations;500
latency (95 percentile) (ms);22.00
avg latency;20.00
throughput;400.00

"""

DLI = """\
Status;Task type;Topology name;Dataset;Framework;Inference Framework;Input blob sizes;Precision;Batch size;Mode;\
Parameters;Infrastructure;Average time of single pass (s);Latency;FPS
Success;classification;resnet-50;ImageNet;Caffe;OpenVINO DLDT;data: [1, 3, 224, 224];FP32;1;Sync;\
"Device: CPU, Iteration count: 1000, Thread count: 6, Stream count: 1";\
"CPU: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz, RAM size: 63 GB";0.0125;\
0.0121;82.6
Failed;classification;vgg-16;ImageNet;Caffe;OpenVINO DLDT;data: [1, 3, 224, 224];FP32;1;Sync;Device: CPU;\
"CPU: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz, RAM size: 63 GB";None;None;None
"""

DLI_OLD = """\
Model;Batch size;Device;IterationCount;Average time of single pass (s);Latency;FPS;
squeezenet1.1;4;CPU;100;0.020;0.0198;200;
"""

PERF = """\
Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,\
Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency
1,100,50,400,20,150,9000,5,1,9800,10100,10400,12000
4,180,60,500,12000,150,9100,5,1,22000,23000,23500,25000
"""

ANALYZER = """\
Models (GPU Metrics):
Model,GPU ID,Batch,Concurrency,Model Config Path,Instance Group,GPU Memory Usage (MB)
net,0,1,2,net_i0,1/GPU,900.0

Models (Inference):
Model,Batch,Concurrency,Model Config Path,Instance Group,Satisfies Constraints,\
Throughput (infer/sec),p99 Latency (ms),RAM
net,1,2,net_i0,1/GPU,Yes,195.0,11.0,2897.0
net,1,1,net_i0,1/GPU,Yes,0,8.1,2937.0

Models (Server Only):
Model,GPU ID,GPU Memory Usage (MB)
triton-server,0,277.0
"""
